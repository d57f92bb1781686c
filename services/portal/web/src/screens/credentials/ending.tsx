import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { ending } from "@/api/queries";
import type { Ending } from "@/api/types";
import { plural, sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Named } from "@/ui/named";
import { Facts, PageHeader, Section } from "@/ui/page";
import { ErrorPage, SkeletonPage } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { whatEnded } from "./endings";

/** The signed list of everything that one fact ended. */
export function EndingPage() {
  const { position } = useParams({ from: "/revocations/$position" });
  const { data, error, isPending, refetch } = useQuery(ending(position));
  useTitle(data ? whatEnded(data.cause) : undefined, "Credentials");
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="ending" id={position} onRetry={() => void refetch()} />;
  return (
    <>
      <PageHeader
        crumbs={[
          { text: "Credentials", to: "/credentials" },
          { text: "Revocations", to: "/revocations" },
        ]}
        title={whatEnded(data.cause)}
        facts={
          <>
            <Time at={data.cause.at} />
            <span>
              by <Named id={data.cause.actor_id} />
            </span>
            <span>{plural(data.count, "thing")} ended by this one fact</span>
          </>
        }
        action={<Button onClick={() => save(data)}>Keep the signed list</Button>}
      />
      <div className="grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Section title="What it ended" aside={plural(data.ended.length, "entry", "entries")}>
          <div className="panel overflow-hidden">
            <Table
              name="ended"
              label="Everything the fact ended"
              rows={data.ended}
              rowKey={(e) => `${e.kind} ${e.id}`}
              columns={[
                { id: "kind", header: "Kind", fixed: true, cell: (e) => sentenceCase(e.kind) },
                {
                  id: "id",
                  header: "Id",
                  fixed: true,
                  cell: (e) => <span className="font-mono text-xs break-all">{e.id}</span>,
                },
                { id: "was", header: "Was", wide: true, cell: (e) => sentenceCase(e.was) },
              ]}
            />
          </div>
        </Section>
        <div className="space-y-6">
          <Section title="Felt by">
            <div className="panel space-y-2 p-4 text-sm">
              {data.confirmed.length + data.pending.length === 0 && (
                <p className="text-faint">No authorizer has said so.</p>
              )}
              {data.confirmed.map((a) => (
                <p key={a} className="flex items-center justify-between gap-2">
                  <span className="min-w-0 truncate">{a}</span> <Badge tone="good">Refuses</Badge>
                </p>
              ))}
              {data.pending.map((a) => (
                <p key={a} className="flex items-center justify-between gap-2">
                  <span className="min-w-0 truncate">{a}</span> <Badge tone="bad">Not confirmed</Badge>
                </p>
              ))}
            </div>
          </Section>
          <Section title="Facts">
            <div className="panel px-4 py-3">
              <Facts
                items={[
                  ["Position in the log", `#${data.cause.position}`],
                  ...Object.entries(data.kinds).map(([kind, n]): [string, string] => [sentenceCase(kind), String(n)]),
                ]}
              />
            </div>
          </Section>
        </div>
      </div>
    </>
  );
}

function save(list: Ending): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(list, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `ended-${list.cause.position}.json`;
  link.click();
  URL.revokeObjectURL(url);
}
