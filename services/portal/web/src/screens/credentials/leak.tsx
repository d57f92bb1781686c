import { useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { useCommand } from "@/api/command";
import { get } from "@/api/http";
import { leak, me } from "@/api/queries";
import type { LeakDetail } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { plural } from "@/lib/format";
import { readsCredentials } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { Badge } from "@/ui/badge";
import { Button, LinkButton } from "@/ui/button";
import { Facts, PageHeader, Section } from "@/ui/page";
import { Empty, ErrorPage, ProblemNote, SkeletonPage } from "@/ui/states";
import { Time } from "@/ui/time";
import { howLong, sources } from "./leaked";
import { LeakState } from "./leaks";
import { Secret } from "./radius";

/** One report of leaked secrets: what was matched, what it was used for, who was told, and how it ended. */
export function LeakPage() {
  const { id } = useParams({ from: "/leaks/$id" });
  const { after } = useSearch({ from: "/leaks/$id" });
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery({
    ...leak(id, after),
    refetchInterval: (query) => (query.state.data?.state === "closed" ? false : whileSomebodyLooks(2_000)()),
  });
  useTitle(data ? sources[data.source] : undefined, "Leaks");
  const receipt = useCommand({
    key: `leak.receipt:${id}`,
    run: () => get<{ receipt: string }>(`/api/issuance/v1/leaks/${encodeURIComponent(id)}/receipt`),
    onDone: (signed) => save(`leak-${id}.jws`, signed.receipt),
  });
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="leak report" id={id} onRetry={() => void refetch()} />;
  return (
    <>
      <PageHeader
        crumbs={[
          ...(self && readsCredentials(self) ? [{ text: "Credentials", to: "/credentials" as const }] : []),
          { text: "Leaks", to: "/leaks" as const },
        ]}
        title={sources[data.source]}
        facts={
          <>
            <LeakState of={data} />
            <span>
              received <Time at={data.received_at} />
            </span>
            <span>
              {plural(data.secrets.length, "secret")}
              {(data.next || after) && " on this page"}
            </span>
          </>
        }
        action={
          data.state === "closed" && (
            <Button busy={receipt.running} onClick={() => receipt.run(undefined)}>
              Keep the signed receipt
            </Button>
          )
        }
      />
      {receipt.problem && (
        <div className="mb-4">
          <ProblemNote problem={receipt.problem} focus />
        </div>
      )}
      <div className="grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Section title="What was matched, and what it was used for">
          {data.secrets.length === 0 && (
            <div className="panel">
              <Empty title="No secret stands on this page">The others are on the page before.</Empty>
            </div>
          )}
          <ul className="space-y-3">
            {data.secrets.map((s) => (
              <Secret key={`${s.credential_id} ${s.generation}`} of={s} />
            ))}
          </ul>
          {(data.next || after) && (
            <div className="mt-3 flex justify-end gap-2">
              {after && (
                <LinkButton to="/leaks/$id" params={{ id }}>
                  First page
                </LinkButton>
              )}
              {data.next && (
                <LinkButton to="/leaks/$id" params={{ id }} search={{ after: data.next }}>
                  Next page
                </LinkButton>
              )}
            </div>
          )}
        </Section>
        <Aside of={data} />
      </div>
    </>
  );
}

function Aside({ of }: { of: LeakDetail }) {
  return (
    <div className="space-y-6">
      <Section title="How it ended">
        <div className="panel px-4 py-3">
          <Facts
            items={[
              ["Received", <Time key="r" at={of.received_at} />],
              ["Dead everywhere", of.dead_at ? <Time key="d" at={of.dead_at} /> : "Not yet"],
              ["That took", of.state === "closed" ? howLong(of.seconds_to_dead ?? 0) : "–"],
            ]}
          />
        </div>
      </Section>
      <Section title="Felt by">
        <div className="panel space-y-2 p-4 text-sm">
          {of.confirmed.length + of.pending.length === 0 && (
            <p className="text-faint">No authorizer has said so yet.</p>
          )}
          {of.confirmed.map((a) => (
            <p key={a} className="flex items-center justify-between gap-2">
              <span className="min-w-0 truncate">{a}</span> <Badge tone="good">Refuses</Badge>
            </p>
          ))}
          {of.pending.map((a) => (
            <p key={a} className="flex items-center justify-between gap-2">
              <span className="min-w-0 truncate">{a}</span> <Badge tone="bad">Not confirmed</Badge>
            </p>
          ))}
        </div>
      </Section>
    </div>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/jose" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
