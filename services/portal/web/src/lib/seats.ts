import type { Allowance, Allowed } from "@/api/types";
import { sentenceCase } from "./format";

const known: Record<string, { title: string; looks: string }> = {
  organization_admin: {
    title: "Your organisation’s administrator",
    looks: "Whether the organisation wants this access.",
  },
  product_reviewer: { title: "Product reviewer", looks: "Whether the purpose fits the product." },
  security_reviewer: { title: "Security reviewer", looks: "Whether the scopes are the least that do." },
};

/** A reviewer's seat in words, and what they look at. */
export function seatWords(seat: string): { title: string; looks: string } {
  return known[seat] ?? { title: sentenceCase(seat), looks: "" };
}

export const seatName = (seat: string) =>
  seat === "organization_admin" ? "Organisation administrator" : seatWords(seat).title;

/** Which seats of a request this person may take, and for the others why not. */
export function reviewSeats(allowed: Allowed, seats: string[]): { open: string[]; reasons: string[] } {
  const verdicts = seats.map((seat): [string, Allowance | undefined] => [
    seat,
    allowed[`review:${seat}`] ?? allowed.review,
  ]);
  return {
    open: verdicts.filter(([, v]) => v?.allowed).map(([seat]) => seat),
    reasons: [...new Set(verdicts.filter(([, v]) => !v?.allowed).map(([, v]) => v?.reason ?? ""))].filter(Boolean),
  };
}
