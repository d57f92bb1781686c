import { useQuery } from "@tanstack/react-query";
import { Webhook } from "lucide-react";
import { eventTypes, subscriptions } from "@/api/queries";
import type { Subscription } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { plural } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { ActionMenu } from "@/ui/action-menu";
import { Badge, StateBadge } from "@/ui/badge";
import { Named } from "@/ui/named";
import { PageHeader, Section } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";

/** Who gets lifecycle events, of which types and organisations, and how far they have read. */
export function Subscriptions() {
  useTitle("Subscriptions");
  const { data, error, isPending, refetch } = useQuery(subscriptions());
  const types = useQuery({ ...eventTypes(), retry: false });
  return (
    <>
      <PageHeader
        title="Subscriptions"
        facts="Teams that are told of each step as it happens, and can replay what they missed"
      />
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading subscriptions" />
          ) : data?.items.length === 0 ? (
            <Empty icon={<Webhook className="size-5" aria-hidden="true" />} title="Nobody is subscribed">
              A subscription is made from the command line, with a key of its own:{" "}
              <code className="font-mono text-xs">chancery subscribe --types credential.*</code>
            </Empty>
          ) : (
            <Table<Subscription>
              name="subscriptions"
              label="Subscriptions"
              rows={data?.items ?? []}
              rowKey={(s) => s.id}
              faded={(s) => s.state === "ended"}
              columns={[
                {
                  id: "name",
                  header: "Subscription",
                  fixed: true,
                  cell: (s) => (
                    <div>
                      <span className="font-medium">{s.name}</span>
                      <span className="mt-0.5 flex flex-wrap gap-1">
                        {s.types.map((t) => (
                          <Badge key={t}>{t}</Badge>
                        ))}
                      </span>
                    </div>
                  ),
                },
                { id: "state", header: "State", cell: (s) => <StateBadge state={s.state} /> },
                {
                  id: "organization",
                  header: "Organisation",
                  wide: true,
                  cell: (s) => <Named id={s.organization_id} />,
                },
                {
                  id: "lag",
                  header: "Behind by",
                  wide: true,
                  cell: (s) =>
                    s.lag === undefined ? <span className="text-faint">Not known</span> : plural(s.lag, "event"),
                },
                { id: "expires", header: "Ends", wide: true, cell: (s) => <Time at={s.expires_at} /> },
                {
                  id: "actions",
                  header: "",
                  fixed: true,
                  className: "w-10 text-right",
                  cell: (s) =>
                    s.state !== "ended" && (
                      <ActionMenu
                        label={`Actions on ${s.name}`}
                        actions={[
                          {
                            key: `subscription.end:${s.id}`,
                            text: "End the subscription…",
                            path: `/api/audit/v1/subscriptions/${s.id}/end`,
                            title: `End ${s.name}`,
                            description: "Nothing more is delivered, and its key stops working.",
                            button: "End the subscription",
                            done: "The subscription is ended",
                            danger: true,
                            refresh: ["subscriptions", "records"],
                            allowance: allowance(s.allowed, "end"),
                          },
                        ]}
                      />
                    ),
                },
              ]}
            />
          )}
        </div>
      )}
      {types.data && types.data.items.length > 0 && (
        <Section title="What can be subscribed to" aside={plural(types.data.items.length, "type")} className="mt-8">
          <div className="panel overflow-hidden">
            <Table
              name="event-types"
              label="Event types"
              rows={types.data.items}
              rowKey={(t) => t.type}
              columns={[
                {
                  id: "type",
                  header: "Type",
                  fixed: true,
                  cell: (t) => <span className="font-mono text-xs">{t.type}</span>,
                },
                { id: "description", header: "When", cell: (t) => <span className="text-soft">{t.description}</span> },
              ]}
            />
          </div>
        </Section>
      )}
    </>
  );
}
