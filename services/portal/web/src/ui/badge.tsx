import clsx from "clsx";
import type { ReactNode } from "react";
import { sentenceCase } from "@/lib/format";

type Tone = "neutral" | "good" | "warn" | "bad" | "accent";

const tones: Record<Tone, string> = {
  neutral: "bg-sunken text-soft",
  good: "bg-good-wash text-good",
  warn: "bg-warn-wash text-warn",
  bad: "bg-bad-wash text-bad",
  accent: "bg-accent-wash text-accent",
};

export function Badge({
  tone = "neutral",
  dot,
  children,
  className,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
  className?: string;
}) {
  return (
    <span
      className={clsx(
        "inline-flex h-5 items-center align-middle gap-1.5 whitespace-nowrap rounded-full px-2 text-2xs font-medium",
        tones[tone],
        className,
      )}
    >
      {dot && <span aria-hidden="true" className="size-1.5 rounded-full bg-current" />}
      {children}
    </span>
  );
}

const stateTones: Record<string, Tone> = {
  active: "good",
  approved: "good",
  published: "good",
  verified: "good",
  granted: "good",
  rotating: "accent",
  overlap: "accent",
  submitted: "accent",
  in_review: "accent",
  requested: "accent",
  registered: "accent",
  draft: "neutral",
  retired: "neutral",
  expired: "neutral",
  withdrawn: "neutral",
  closed: "neutral",
  ended: "neutral",
  suspended: "warn",
  locked: "warn",
  orphaned: "warn",
  deprecated: "warn",
  leaked: "bad",
  revoked: "bad",
  denied: "bad",
  disabled: "bad",
  offboarded: "bad",
  deprovisioned: "bad",
};

/** A state in the one word the whole product uses for it. */
export function StateBadge({ state, suffix }: { state: string; suffix?: string }) {
  return (
    <Badge tone={stateTones[state] ?? "neutral"} dot>
      {sentenceCase(state)}
      {suffix}
    </Badge>
  );
}

export function RiskBadge({ risk }: { risk: string }) {
  const tone = risk === "high" ? "bad" : risk === "medium" ? "warn" : "good";
  return (
    <Badge tone={tone}>
      <RiskBars risk={risk} />
      {sentenceCase(risk)} risk
    </Badge>
  );
}

function RiskBars({ risk }: { risk: string }) {
  const filled = risk === "high" ? 3 : risk === "medium" ? 2 : 1;
  return (
    <svg viewBox="0 0 9 8" className="h-2 w-2.25" aria-hidden="true" fill="currentColor">
      {[0, 1, 2].map((i) => (
        <rect
          key={i}
          x={i * 3.3}
          y={5 - i * 2.5}
          width="2.2"
          height={3 + i * 2.5}
          rx="0.6"
          opacity={i < filled ? 1 : 0.3}
        />
      ))}
    </svg>
  );
}

export function ClassBadge({ of }: { of: string }) {
  const tone = of === "sensitive" ? "bad" : of === "partner" ? "accent" : "neutral";
  return <Badge tone={tone}>{sentenceCase(of)}</Badge>;
}

/** Sandbox or Production, by word and by form, never by colour alone. */
export function EnvironmentBadge({ of }: { of: string }) {
  return (
    <Badge tone={of === "production" ? "warn" : "neutral"}>
      <svg viewBox="0 0 8 8" className="size-2" aria-hidden="true" fill="currentColor">
        {of === "production" ? <path d="M4 0l4 8H0z" /> : <rect x="0.5" y="0.5" width="7" height="7" rx="2" />}
      </svg>
      {sentenceCase(of)}
    </Badge>
  );
}
