import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Tabs } from "radix-ui";
import type { ReactNode } from "react";
import { useName } from "@/api/names";
import { record } from "@/api/queries";
import type { AuditRecord } from "@/api/types";
import { absoluteTime, sentenceCase } from "@/lib/format";
import type { AuditField } from "@/lib/query";
import { Code } from "@/ui/code";
import { Copy, Id } from "@/ui/copy";
import { Named } from "@/ui/named";
import { asProblem, ProblemNote } from "@/ui/states";
import { Verify } from "./verify";

type SetFilter = (change: Partial<Record<AuditField, string | undefined>>) => void;

const tab =
  "h-8 border-b-2 border-transparent text-sm text-soft hover:text-ink data-[state=active]:border-ink data-[state=active]:font-medium data-[state=active]:text-ink";

/** One record: what it says, what it is made of, and the proof that it stands in the log. */
export function Detail({ of, utc, filter }: { of: AuditRecord; utc: boolean; filter: SetFilter }) {
  const { data, error, isPending } = useQuery({
    ...record(of.position),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <div className="border-t px-4 pb-4 sm:pl-12">
      <Tabs.Root defaultValue="summary">
        <Tabs.List aria-label={`Record ${of.position}`} className="flex gap-4 border-b">
          <Tabs.Trigger value="summary" className={tab}>
            Summary
          </Tabs.Trigger>
          <Tabs.Trigger value="json" className={tab}>
            JSON
          </Tabs.Trigger>
          <Tabs.Trigger value="ocsf" className={tab}>
            OCSF
          </Tabs.Trigger>
          <Tabs.Trigger value="verify" className={tab}>
            Verify
          </Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="summary" className="pt-3 outline-none">
          <Summary of={{ ...of, ...data }} utc={utc} filter={filter} />
        </Tabs.Content>
        <Tabs.Content value="json" className="pt-3 outline-none">
          {error ? (
            <ProblemNote problem={asProblem(error)} />
          ) : (
            <Source value={data?.json ?? (isPending ? undefined : data)} what="record as JSON" />
          )}
        </Tabs.Content>
        <Tabs.Content value="ocsf" className="pt-3 outline-none">
          {error ? <ProblemNote problem={asProblem(error)} /> : <Source value={data?.ocsf} what="record as OCSF" />}
        </Tabs.Content>
        <Tabs.Content value="verify" className="pt-3 outline-none">
          <Verify of={of} />
        </Tabs.Content>
      </Tabs.Root>
    </div>
  );
}

function Source({ value, what }: { value: unknown; what: string }) {
  const text = value === undefined ? "" : JSON.stringify(value, null, 2);
  return (
    <div className="relative">
      <div className="absolute top-2 right-3">
        <Copy text={text} what={what} />
      </div>
      <Code text={text || "Loading"} label={what} className="max-h-96 rounded-lg border bg-sunken p-3" />
    </div>
  );
}

function Value({ children, onFilter, label }: { children: ReactNode; onFilter?(): void; label?: string }) {
  if (!onFilter) return <>{children}</>;
  return (
    <button
      type="button"
      onClick={onFilter}
      aria-label={label}
      title="Show only these"
      className="rounded text-left underline decoration-edge decoration-dotted underline-offset-4 hover:decoration-ink"
    >
      {children}
    </button>
  );
}

const screens: Record<
  string,
  "/applications/$id" | "/requests/$id" | "/catalogue/$id" | "/people/$id" | "/organizations/$id"
> = {
  application: "/applications/$id",
  request: "/requests/$id",
  product: "/catalogue/$id",
  person: "/people/$id",
  organization: "/organizations/$id",
};

function Summary({ of, utc, filter }: { of: AuditRecord; utc: boolean; filter: SetFilter }) {
  const actor = useName(of.actor.kind === "person" ? of.actor.id : undefined);
  const subject = useName(["person", "organization"].includes(of.subject.kind) ? of.subject.id : undefined);
  const place = screens[of.subject.kind];
  const rows: [string, ReactNode][] = [
    ["Time", utc ? of.time : absoluteTime(new Date(of.time))],
    [
      "Actor",
      <span key="a">
        <Value onFilter={() => filter({ actor: of.actor.id })}>{actor?.name ?? of.actor.id}</Value>{" "}
        <span className="text-faint">({of.actor.kind})</span>
      </span>,
    ],
    [
      "Target",
      <span key="s" className="inline-flex flex-wrap items-center gap-x-2">
        <span>{sentenceCase(of.subject.kind)}</span>
        <Value onFilter={() => filter({ subject: of.subject.id })}>
          {subject?.name ?? <span className="font-mono text-xs break-all">{of.subject.id}</span>}
        </Value>
        {place && (
          <Link to={place} params={{ id: of.subject.id }} className="link">
            Open
          </Link>
        )}
      </span>,
    ],
    [
      "Action",
      <Value key="t" onFilter={() => filter({ type: of.type })}>
        {of.type}
      </Value>,
    ],
    ["Outcome", sentenceCase(of.outcome)],
  ];
  if (of.organization_id) {
    const id = of.organization_id;
    rows.push([
      "Organisation",
      <Value key="o" onFilter={() => filter({ organization_id: id })}>
        <Named id={id} />
      </Value>,
    ]);
  }
  if (of.source.ip) rows.push(["Address", of.source.ip]);
  if (of.source.user_agent) rows.push(["Browser", of.source.user_agent]);
  if (of.source.request_id)
    rows.push(["Request id", <Id key="r" id={of.source.request_id} what="request id" keep={36} />]);
  if (of.correlation_id)
    rows.push(["Correlation id", <Id key="c" id={of.correlation_id} what="correlation id" keep={36} />]);
  if (of.erased && of.erased.length > 0)
    rows.push([
      "Erased",
      `The ${of.erased.map((kind) => kind.toLowerCase()).join(" and ")} of the person: its keys were destroyed, the proof still holds.`,
    ]);
  rows.push(["Event id", <Id key="e" id={of.id} what="event id" keep={40} />]);
  return (
    <dl className="grid gap-x-6 gap-y-1.5 text-sm sm:grid-cols-[8rem_minmax(0,1fr)]">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-faint">{name}</dt>
          <dd className="min-w-0 break-words max-sm:mb-1.5">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
