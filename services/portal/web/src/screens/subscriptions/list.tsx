import { useQuery } from "@tanstack/react-query";
import { Plus, Webhook } from "lucide-react";
import { useState } from "react";
import { eventTypes, me, subscription, subscriptions } from "@/api/queries";
import { interrupted } from "@/api/resume";
import type { Subscription } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { allowance } from "@/lib/allowed";
import { plural } from "@/lib/format";
import { readsRecords } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { ActionMenu } from "@/ui/action-menu";
import { Badge, StateBadge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Named } from "@/ui/named";
import { PageHeader, Section } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { Subscribe, subscribeKey } from "./subscribe";

const stateOf = (s: Subscription) =>
  s.ended_at ? "ended" : new Date(s.expires_at) <= new Date() ? "expired" : "active";

const columns: Column<Subscription>[] = [
  {
    id: "name",
    header: "Subscription",
    fixed: true,
    cell: (s) => (
      <div>
        <span className="font-medium">{s.name}</span>
        <span className="mt-0.5 flex flex-wrap gap-1">
          {s.types.slice(0, 4).map((t) => (
            <Badge key={t}>{t}</Badge>
          ))}
          {s.types.length > 4 && <span className="text-xs text-faint">and {s.types.length - 4} more</span>}
        </span>
      </div>
    ),
  },
  { id: "state", header: "State", cell: (s) => <StateBadge state={stateOf(s)} /> },
  { id: "organization", header: "Organisation", wide: true, cell: (s) => <Named id={s.organization_id} /> },
  { id: "waiting", header: "Waiting", wide: true, cell: (s) => <Waiting of={s} /> },
  { id: "expires", header: "Ends", wide: true, cell: (s) => <Time at={s.ended_at ?? s.expires_at} /> },
  {
    id: "actions",
    header: "",
    fixed: true,
    className: "w-10 text-right",
    cell: (s) => stateOf(s) === "active" && <Actions of={s} />,
  },
];

/** Who gets lifecycle events, of which types and organisations, and how far they have read. */
export function Subscriptions() {
  useTitle("Subscriptions");
  const { data: self } = useQuery(me());
  const may = !!self && readsRecords(self);
  const { data, error, isPending, refetch } = useQuery({ ...subscriptions(), enabled: may });
  const types = useQuery({ ...eventTypes(), enabled: may, retry: false });
  const [making, setMaking] = useState(() => interrupted(subscribeKey) !== undefined);
  if (self && !may) {
    return (
      <div className="panel">
        <Empty page title="Subscriptions are not shown to you">
          Your organisation’s administrators and the provider’s auditors manage them.
        </Empty>
      </div>
    );
  }
  const button = (
    <Button tone="primary" onClick={() => setMaking(true)}>
      <Plus className="size-4" aria-hidden="true" /> Subscribe
    </Button>
  );
  const offered = (types.data?.items ?? []).filter((t) => t.feed);
  return (
    <>
      <PageHeader
        title="Subscriptions"
        facts="Teams that are told of each step as it happens, and can replay what they missed"
        action={button}
      />
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading subscriptions" />
          ) : data?.items.length === 0 ? (
            <Empty
              icon={<Webhook className="size-5" aria-hidden="true" />}
              title="Nobody is subscribed"
              action={button}
            >
              A subscription delivers chosen types of event over NATS, to one key, until a day.
            </Empty>
          ) : (
            <Table<Subscription>
              name="subscriptions"
              label="Subscriptions"
              columns={columns}
              rows={data?.items ?? []}
              rowKey={(s) => s.id}
              faded={(s) => stateOf(s) !== "active"}
            />
          )}
        </div>
      )}
      {offered.length > 0 && (
        <Section title="What can be subscribed to" aside={plural(offered.length, "type")} className="mt-8">
          <div className="panel overflow-hidden">
            <Table
              name="event-types"
              label="Event types"
              rows={offered}
              rowKey={(t) => t.type}
              columns={[
                {
                  id: "type",
                  header: "Type",
                  fixed: true,
                  cell: (t) => <span className="font-mono text-xs break-all">{t.type}</span>,
                },
                {
                  id: "sentence",
                  header: "What it says",
                  cell: (t) => <span className="text-soft">{t.sentence}</span>,
                },
              ]}
            />
          </div>
        </Section>
      )}
      {making && <Subscribe types={offered} close={() => setMaking(false)} />}
    </>
  );
}

function Waiting({ of }: { of: Subscription }) {
  const { data } = useQuery({
    ...subscription(of.id),
    enabled: stateOf(of) === "active",
    retry: false,
    refetchInterval: whileSomebodyLooks(15_000),
  });
  if (!data) return <span className="text-faint">Not known</span>;
  return <>{plural(data.pending + data.unacknowledged, "event")}</>;
}

function Actions({ of }: { of: Subscription }) {
  const { data } = useQuery({ ...subscription(of.id), retry: false });
  return (
    <ActionMenu
      label={`Actions on ${of.name}`}
      actions={[
        {
          key: `subscription.end:${of.id}`,
          text: "End the subscription…",
          path: `/api/audit/v1/subscriptions/${of.id}/end`,
          title: `End ${of.name}`,
          description: "Nothing more is delivered, and its key stops working.",
          button: "End the subscription",
          done: "The subscription is ended",
          danger: true,
          refresh: ["subscriptions", "records"],
          allowance: allowance(data?.allowed, "end"),
        },
      ]}
    />
  );
}
