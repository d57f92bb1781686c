import type { Leak, LeakedSecret } from "@/api/types";

/** Where reports come from, as a person says it. */
export const sources: Record<Leak["source"], string> = {
  github: "GitHub secret scanning",
  gitleaks: "Gitleaks report",
  sarif: "SARIF report",
  trufflehog: "TruffleHog report",
  batch: "Handed in",
};

/** What became of a leaked secret. */
export const outcomes: Record<LeakedSecret["outcome"], { text: string; tone: "good" | "bad" | "neutral" | "warn" }> = {
  ending: { text: "Being ended", tone: "warn" },
  ended: { text: "Secret ended", tone: "good" },
  revoked: { text: "Credential revoked", tone: "good" },
  ended_before: { text: "Was dead already", tone: "neutral" },
};

/** "0.4 s", "3 min": how long a leaked secret still worked. */
export function howLong(seconds: number): string {
  if (seconds < 0.01) return "< 0.01 s";
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
  return `${Math.round(seconds / 60)} min`;
}
