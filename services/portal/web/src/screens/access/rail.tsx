import type { UseQueryResult } from "@tanstack/react-query";
import { CircleCheck, UsersRound } from "lucide-react";
import type { Preview } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { seatWords } from "@/lib/seats";
import { Spinner } from "@/ui/button";
import { asProblem, ProblemNote } from "@/ui/states";

/** What policy would do with the draft as it stands, asked at every change. */
export function NextRail({
  verdict,
  ready,
  production,
}: {
  verdict: UseQueryResult<Preview>;
  ready: boolean;
  production: boolean;
}) {
  const data = ready ? verdict.data : undefined;
  return (
    <aside aria-label="What happens next" className="lg:sticky lg:top-8 lg:self-start">
      <div className="panel p-4 text-sm" aria-live="polite">
        <h2 className="flex items-center justify-between font-semibold">
          What happens next {verdict.isFetching && <Spinner />}
        </h2>
        {!ready && (
          <p className="mt-2 text-soft">Choose scopes, and what policy asks for is shown here before you submit.</p>
        )}
        {ready && verdict.error && (
          <div className="mt-3">
            <ProblemNote problem={asProblem(verdict.error)} />
          </div>
        )}
        {data?.decided_by === "policy" && (
          <p className="mt-3 flex gap-2.5">
            <CircleCheck className="mt-0.5 size-4.5 shrink-0 text-good" aria-hidden="true" />
            <span>
              <span className="font-medium">Approved at once.</span>
              <span className="block text-soft">
                Policy decides a request of this risk by itself. A credential can be issued straight away.
              </span>
            </span>
          </p>
        )}
        {data?.decided_by === "people" && (
          <>
            <p className="mt-3 flex gap-2.5">
              <UsersRound className="mt-0.5 size-4.5 shrink-0 text-accent" aria-hidden="true" />
              <span>
                <span className="font-medium">People decide.</span>
                <span className="block text-soft">
                  Each seat is taken by another person; you and the owners take none.
                </span>
              </span>
            </p>
            <ol className="mt-4 space-y-3">
              {data.clauses.map((clause) => (
                <li key={clause.seat} className="flex gap-2.5">
                  <span className="flex h-5 shrink-0 gap-1" aria-hidden="true">
                    {Array.from({ length: clause.quorum }, (_, i) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: places without identity.
                      <span key={i} className="mt-0.5 size-4 rounded-full border-2 border-dashed border-edge" />
                    ))}
                  </span>
                  <span>
                    <span className="block font-medium">
                      {clause.quorum > 1 ? `${clause.quorum} × ` : ""}
                      {seatWords(clause.seat).title}
                    </span>
                    <span className="block text-xs text-faint">{seatWords(clause.seat).looks}</span>
                  </span>
                </li>
              ))}
            </ol>
          </>
        )}
        {data && data.reasons.length > 0 && (
          <ul className="mt-4 space-y-1 border-t pt-3 text-xs text-soft">
            {data.reasons.map((reason) => (
              <li key={reason}>{sentenceCase(reason)}.</li>
            ))}
          </ul>
        )}
        {data && (
          <p className="mt-4 border-t pt-3 text-xs text-faint">
            Policy <span className="font-mono">{data.policy}</span>
            {production && ", production"}
          </p>
        )}
      </div>
    </aside>
  );
}
