import type { Cause } from "@/api/types";
import { sentenceCase } from "@/lib/format";

/** "issuance.v1.CredentialRevoked" as a person says it. */
export function whatEnded(cause: Pick<Cause, "type">): string {
  const name = cause.type.slice(cause.type.lastIndexOf(".") + 1);
  return sentenceCase(
    name
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .replaceAll(" ", "_"),
  );
}

/** A length of time as it is read at a glance. */
export function milliseconds(ms: number): string {
  if (ms < 1) return "< 1 ms";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
