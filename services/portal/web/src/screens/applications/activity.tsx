import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";
import { me, records } from "@/api/queries";
import type { AuditRecord } from "@/api/types";
import { readsRecords } from "@/lib/reach";
import { Button } from "@/ui/button";
import { Avatar } from "@/ui/named";
import { Sentence } from "@/ui/sentence";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Time } from "@/ui/time";

/** What happened to one thing, newest first, in sentences. */
export function Activity({ query }: { query: Record<string, string> }) {
  const { data: self } = useQuery(me());
  if (!self) return null;
  if (readsRecords(self)) return <Records query={query} />;
  return (
    <div className="panel">
      <Empty icon={<ScrollText className="size-5" aria-hidden="true" />} title="Records are not shown to you">
        Your organisation’s administrators and the provider’s auditors read them.
      </Empty>
    </div>
  );
}

function Records({ query }: { query: Record<string, string> }) {
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    records({ ...query, limit: 50 }),
  );
  if (error) return <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />;
  if (isPending) {
    return (
      <div className="panel">
        <SkeletonRows label="Loading activity" />
      </div>
    );
  }
  const items = data.pages.flatMap((page) => page.items);
  if (items.length === 0) {
    return (
      <div className="panel">
        <Empty icon={<ScrollText className="size-5" aria-hidden="true" />} title="Nothing happened yet">
          Each step, from registration to the last revocation, appears here as one sentence.
        </Empty>
      </div>
    );
  }
  return (
    <>
      <ol className="panel divide-y">
        {items.map((r) => (
          <Entry key={r.position} of={r} />
        ))}
      </ol>
      {hasNextPage && (
        <div className="mt-3 text-center">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </>
  );
}

function Entry({ of }: { of: AuditRecord }) {
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 text-sm">
      {of.actor.kind === "person" ? (
        <Avatar id={of.actor.id} size={22} />
      ) : (
        <span className="flex size-5.5 items-center justify-center rounded-full bg-sunken text-2xs text-faint">⚙</span>
      )}
      <span className="min-w-0 flex-1 basis-60 break-words">
        <Sentence text={of.sentence} />
      </span>
      <span className="font-mono text-2xs text-faint max-md:hidden">{of.type}</span>
      <Time at={of.time} className="w-24 text-right text-xs text-faint" />
    </li>
  );
}
