import { X } from "lucide-react";
import type { Clause } from "@/api/types";
import { seatName } from "@/lib/seats";
import { Avatar } from "@/ui/named";
import { Tip } from "@/ui/tip";

/** The seats of a request: a face where somebody sat down, an empty ring where nobody did. */
export function Slots({ clauses, size = 22 }: { clauses: Clause[]; size?: number }) {
  if (clauses.length === 0) return <span className="text-xs text-faint">Policy alone</span>;
  const filled = clauses.reduce((n, c) => n + Math.min(c.quorum, c.reviews?.length ?? 0), 0);
  const seats = clauses.reduce((n, c) => n + c.quorum, 0);
  return (
    <span className="inline-flex items-center gap-1">
      <span className="sr-only">
        {filled} of {seats} seats taken
      </span>
      {clauses.flatMap((clause) =>
        Array.from({ length: clause.quorum }, (_, i) => {
          const review = clause.reviews?.[i];
          return review ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: seats of a clause are alike.
            <span key={`${clause.seat}${i}`} className="relative inline-flex">
              <Avatar id={review.person_id} size={size} tip />
              {review.verdict === "deny" && (
                <span className="absolute -right-0.5 -bottom-0.5 rounded-full bg-bad-fill p-px text-[#fff]">
                  <X className="size-2.5" aria-hidden="true" strokeWidth={3} />
                </span>
              )}
            </span>
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: seats of a clause are alike.
            <Tip key={`${clause.seat}${i}`} text={`${seatName(clause.seat)}: nobody yet`}>
              <svg width={size} height={size} viewBox="0 0 24 24" className="text-edge" aria-hidden="true">
                <circle
                  cx="12"
                  cy="12"
                  r="10.5"
                  fill="none"
                  stroke="currentColor"
                  strokeWidth="2"
                  strokeDasharray="3.2 3.4"
                />
              </svg>
            </Tip>
          );
        }),
      )}
    </span>
  );
}
