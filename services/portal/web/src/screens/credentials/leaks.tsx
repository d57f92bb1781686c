import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { ShieldCheck } from "lucide-react";
import { useState } from "react";
import { leaks } from "@/api/queries";
import type { Leak } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { plural } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { Badge } from "@/ui/badge";
import { Button, LinkButton } from "@/ui/button";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { HandIn } from "./hand-in";
import { howLong, sources } from "./leaked";
import { Tabs } from "./tabs";

const columns: Column<Leak>[] = [
  {
    id: "report",
    header: "Report",
    fixed: true,
    className: "min-w-44",
    cell: (l) => (
      <div>
        <Link to="/leaks/$id" params={{ id: l.id }} data-row-link className="rounded font-medium hover:underline">
          {sources[l.source]}
        </Link>
        <p className="font-mono text-xs break-all text-faint">{l.id}</p>
      </div>
    ),
  },
  { id: "state", header: "State", cell: (l) => <LeakState of={l} /> },
  { id: "when", header: "Received", wide: true, cell: (l) => <Time at={l.received_at} className="text-soft" /> },
  {
    id: "dead",
    header: "Dead everywhere after",
    cell: (l) =>
      l.state === "closed" ? (
        <span className="tabular-nums">{howLong(l.seconds_to_dead ?? 0)}</span>
      ) : (
        <span className="text-faint">Not yet</span>
      ),
  },
  {
    id: "confirmed",
    header: "Confirmed by",
    wide: true,
    cell: (l) => (
      <span>
        {plural(l.confirmed?.length ?? 0, "authorizer")}
        {l.pending?.length > 0 && <span className="text-bad">, {l.pending.length} silent</span>}
      </span>
    ),
  },
];

/** Whether everything of a report is dead. */
export function LeakState({ of }: { of: Leak }) {
  return of.state === "closed" ? (
    <Badge tone="good" dot>
      Dead
    </Badge>
  ) : (
    <Badge tone="warn" dot>
      Being ended
    </Badge>
  );
}

/** Reports of secrets that lay open, and the door for handing in more. */
export function Leaks() {
  useTitle("Leaks", "Credentials");
  const { after } = useSearch({ from: "/leaks" });
  const [handing, setHanding] = useState(false);
  const { data, error, isPending, refetch } = useQuery({
    ...leaks({ after, limit: 50 }),
    refetchInterval: whileSomebodyLooks(10_000),
  });
  const handIn = (
    <Button tone="primary" onClick={() => setHanding(true)}>
      Hand in a leak…
    </Button>
  );
  return (
    <>
      <PageHeader
        title="Credentials"
        facts="A secret that lies open is ended, and its owners told what it was used for"
        action={handIn}
      />
      <Tabs current="leaks" />
      {error && !data && <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />}
      {(!error || data) && (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading leak reports" />
          ) : data && data.items.length > 0 ? (
            <Table name="leaks" label="Leak reports" columns={columns} rows={data.items} rowKey={(l) => l.id} />
          ) : (
            <Empty icon={<ShieldCheck className="size-5" aria-hidden="true" />} title="No leak is known">
              Scanners send what they find, and anybody may hand in a secret. A report stands here once it names a
              credential within your reach.
            </Empty>
          )}
        </div>
      )}
      {(data?.next || after) && (
        <div className="mt-3 flex justify-end gap-2">
          {after && <LinkButton to="/leaks">First page</LinkButton>}
          {data?.next && (
            <LinkButton to="/leaks" search={{ after: data.next }}>
              Next page
            </LinkButton>
          )}
        </div>
      )}
      {handing && <HandIn close={() => setHanding(false)} />}
    </>
  );
}
