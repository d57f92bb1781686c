import type { Allowance, Allowed } from "@/api/types";

const unsaid: Allowance = { allowed: false, reason: "You may not do this here." };

/** What the server says about an action; what it does not mention is not allowed. */
export function allowance(allowed: Allowed | undefined, action: string): Allowance {
  return allowed?.[action] ?? unsaid;
}
