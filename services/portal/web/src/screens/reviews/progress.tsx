import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { Check, X } from "lucide-react";
import { credentials } from "@/api/queries";
import type { AccessRequestDetail } from "@/api/types";

type Mark = "done" | "now" | "failed" | "ahead";

/** Where the request stands on its way from asked to usable. */
export function Progress({ of, reads }: { of: AccessRequestDetail; reads: boolean }) {
  const keys = useQuery({
    ...credentials({ grant_id: of.grant_id }),
    enabled: reads && !!of.grant_id,
    retry: false,
  });
  const issued = (keys.data?.items.length ?? 0) > 0;
  const filled = of.clauses.reduce((n, c) => n + Math.min(c.quorum, c.reviews?.length ?? 0), 0);
  const seats = of.clauses.reduce((n, c) => n + c.quorum, 0);
  const failed = ["denied", "withdrawn", "expired"].includes(of.state);
  const approved = of.state === "approved";
  const steps: { text: string; mark: Mark }[] = [
    { text: "Submitted", mark: "done" },
    {
      text: seats === 0 ? "Checked by policy" : `Reviewed, ${filled} of ${seats}`,
      mark: approved ? "done" : failed ? (filled === seats && seats > 0 ? "done" : "ahead") : "now",
    },
    failed
      ? { text: of.state === "denied" ? "Denied" : of.state === "withdrawn" ? "Withdrawn" : "Expired", mark: "failed" }
      : { text: "Approved", mark: approved ? "done" : "ahead" },
    { text: "Access granted", mark: of.grant_id ? "done" : approved ? "now" : "ahead" },
    ...(reads ? [{ text: "Credential issued", mark: (issued ? "done" : of.grant_id ? "now" : "ahead") as Mark }] : []),
  ];
  return (
    <ol aria-label="Progress" className="flex flex-wrap items-center gap-x-2 gap-y-2 text-sm">
      {steps.map((step, i) => (
        <li key={step.text} className="flex items-center gap-2">
          {i > 0 && (
            <span
              aria-hidden="true"
              className={clsx("h-px w-5 sm:w-8", step.mark === "ahead" ? "bg-line" : "bg-faint")}
            />
          )}
          <span
            aria-hidden="true"
            className={clsx(
              "flex size-4.5 items-center justify-center rounded-full",
              step.mark === "done" && "bg-good-wash text-good",
              step.mark === "now" && "border-2 border-accent",
              step.mark === "failed" && "bg-bad-wash text-bad",
              step.mark === "ahead" && "border-2 border-line",
            )}
          >
            {step.mark === "done" && <Check className="size-3" strokeWidth={3} />}
            {step.mark === "failed" && <X className="size-3" strokeWidth={3} />}
          </span>
          <span
            className={step.mark === "ahead" ? "text-faint" : step.mark === "now" ? "font-medium" : undefined}
            aria-current={step.mark === "now" ? "step" : undefined}
          >
            {step.text}
          </span>
        </li>
      ))}
    </ol>
  );
}
