import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { Inbox as InboxIcon } from "lucide-react";
import { requests } from "@/api/queries";
import type { AccessRequest } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { spent } from "@/lib/format";
import { useNow } from "@/lib/now";
import { useTitle } from "@/lib/title";
import { ClassBadge, EnvironmentBadge, StateBadge } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { Named } from "@/ui/named";
import { PageHeader, TabLinks } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table } from "@/ui/table";
import { Time, timeLeft } from "@/ui/time";
import { Slots } from "./slots";

function Deadline({ of }: { of: AccessRequest }) {
  const now = useNow();
  const left = timeLeft(of.decide_before, now);
  const share = spent(new Date(of.submitted_at), new Date(of.decide_before), now);
  const late = share > 0.75;
  return (
    <div className="w-28">
      <span className={late ? "text-xs font-medium text-warn" : "text-xs text-soft"}>{left}</span>
      <svg className="mt-1 block h-1 w-full" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 4">
        <rect width="100" height="4" rx="2" className="fill-line" />
        <rect width={Math.max(2, share * 100)} height="4" rx="2" className={late ? "fill-warn" : "fill-accent"} />
      </svg>
    </div>
  );
}

/** What waits for this person's decision, the most pressing first. */
export function Inbox() {
  useTitle("Reviews");
  const search = useSearch({ from: "/reviews" });
  const box = search.box === "decided" ? "decided" : "to_review";
  const waiting = useQuery({ ...requests({ box: "to_review" }), refetchInterval: whileSomebodyLooks(20_000) });
  const decided = useQuery({ ...requests({ box: "decided", after: search.after }) });
  const { data, error, isPending, refetch } = box === "decided" ? decided : waiting;
  const rows =
    box === "decided"
      ? (data?.items ?? [])
      : [...(data?.items ?? [])].sort((a, b) => (a.decide_before < b.decide_before ? -1 : 1));
  const last = decided.data?.items[0];

  const columns: Column<AccessRequest>[] = [
    {
      id: "what",
      header: "Request",
      fixed: true,
      className: "min-w-52",
      cell: (r) => (
        <div>
          <Link to="/requests/$id" params={{ id: r.id }} data-row-link className="rounded font-medium hover:underline">
            {r.product_name} for {r.application_name}
          </Link>
          <p className="font-mono text-xs break-words text-faint">
            <span className="text-good">+{r.scopes.length}</span> {r.scopes.join(" ")}
          </p>
        </div>
      ),
    },
    {
      id: "class",
      header: "Class",
      wide: true,
      cell: (r) => (
        <span className="flex gap-1.5">
          <ClassBadge of={r.class} />
          <EnvironmentBadge of={r.environment} />
        </span>
      ),
    },
    {
      id: "requester",
      header: "Requester",
      wide: true,
      cell: (r) => (
        <div>
          <Named id={r.requester_id} />
          <p className="text-xs text-faint">
            <Named id={r.organization_id} />
          </p>
        </div>
      ),
    },
    { id: "seats", header: "Seats", wide: true, cell: (r) => <Slots clauses={r.clauses} /> },
    box === "decided"
      ? { id: "state", header: "State", cell: (r) => <StateBadge state={r.state} /> }
      : { id: "deadline", header: "Decide within", cell: (r) => <Deadline of={r} /> },
  ];

  return (
    <>
      <PageHeader title="Reviews" facts="Requests that need a second and a third pair of eyes" />
      <TabLinks
        label="Reviews"
        current={box}
        tabs={[
          { id: "to_review", text: "Needs my decision", count: waiting.data?.items.length },
          { id: "decided", text: "Decided" },
        ]}
        linkFor={(id) => ({ to: "/reviews", search: { box: id === "to_review" ? undefined : id } })}
      />
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading reviews" />
          ) : rows.length === 0 ? (
            <Empty
              icon={<InboxIcon className="size-5" aria-hidden="true" />}
              title={box === "decided" ? "Nothing decided yet" : "Nothing waits for you"}
            >
              {box === "decided" ? (
                "A request moves here once it is approved, denied, withdrawn or expired."
              ) : last ? (
                <>
                  The last request was submitted <Time at={last.submitted_at} /> and is decided.
                </>
              ) : (
                "A request appears here when policy asks for a person with one of your roles."
              )}
            </Empty>
          ) : (
            <Table
              name="reviews"
              label={box === "decided" ? "Decided requests" : "Requests that need my decision"}
              columns={columns}
              rows={rows}
              rowKey={(r) => r.id}
            />
          )}
        </div>
      )}
      {box === "decided" && data?.next && (
        <div className="mt-3 flex justify-end">
          <LinkButton to="/reviews" search={{ box: "decided", after: data.next }}>
            Next page
          </LinkButton>
        </div>
      )}
    </>
  );
}
