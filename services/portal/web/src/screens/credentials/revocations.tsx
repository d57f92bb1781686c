import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Zap } from "lucide-react";
import { useState } from "react";
import { authorizers, me, revocations } from "@/api/queries";
import type { Authorizer, Revocation } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { plural } from "@/lib/format";
import { holds, readsAuthorizers } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Named } from "@/ui/named";
import { Facts, PageHeader, Section } from "@/ui/page";
import { ReasonDialog, wasInterrupted } from "@/ui/reason-dialog";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { milliseconds, whatEnded } from "./endings";
import { Tabs } from "./tabs";

const columns: Column<Revocation>[] = [
  {
    id: "what",
    header: "What ended",
    fixed: true,
    className: "min-w-44",
    cell: (r) => (
      <div>
        <Link
          to="/revocations/$position"
          params={{ position: String(r.position) }}
          data-row-link
          className="rounded font-medium hover:underline"
        >
          {whatEnded(r)}
        </Link>
        <p className="font-mono text-xs break-all text-faint">{r.of.id}</p>
      </div>
    ),
  },
  { id: "when", header: "When", cell: (r) => <Time at={r.at} className="text-soft" /> },
  {
    id: "felt",
    header: "Felt everywhere after",
    cell: (r) =>
      Object.keys(r.authorizers_ms).length === 0 ? (
        <span className="text-faint">Not heard of</span>
      ) : (
        <span className="tabular-nums">{milliseconds(r.felt_ms)}</span>
      ),
  },
  {
    id: "authorizers",
    header: "Confirmed by",
    wide: true,
    cell: (r) => plural(Object.keys(r.authorizers_ms).length, "authorizer"),
  },
  { id: "who", header: "By", wide: true, cell: (r) => <Named id={r.actor_id} /> },
];

/** What was taken away lately, how fast it was felt, and the authorizers that say so. */
export function Revocations() {
  useTitle("Revocations", "Credentials");
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery({
    ...revocations(),
    refetchInterval: whileSomebodyLooks(15_000),
  });
  return (
    <>
      <PageHeader title="Credentials" facts="How quickly access can be revoked, measured on every ending" />
      <Tabs current="revocations" />
      {error && !data && <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />}
      {data && data.count > 0 && (
        <dl className="mb-6 grid grid-cols-2 gap-2 sm:grid-cols-4">
          <Figure name="Endings" value={String(data.count)} />
          <Figure name="Felt after, median" value={milliseconds(data.p50_ms)} />
          <Figure name="99 of 100 within" value={milliseconds(data.p99_ms)} />
          <Figure name="The longest" value={milliseconds(data.max_ms)} />
        </dl>
      )}
      {(!error || data) && (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading revocations" />
          ) : data && data.items.length > 0 ? (
            <Table
              name="revocations"
              label="Recent endings"
              columns={columns}
              rows={data.items}
              rowKey={(r) => String(r.position)}
            />
          ) : (
            <Empty icon={<Zap className="size-5" aria-hidden="true" />} title="Nothing was revoked lately">
              Every ending since the service started stands here, with how long authorizers took to refuse.
            </Empty>
          )}
        </div>
      )}
      {self && readsAuthorizers(self) && <Authorizers may={holds(self, "platform_admin")} />}
    </>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div className="panel flex flex-col-reverse p-3">
      <dt className="text-xs text-faint">{name}</dt>
      <dd className="text-xl font-semibold tabular-nums">{value}</dd>
    </div>
  );
}

const states: Record<Authorizer["state"], { text: string; tone: "good" | "bad" | "neutral" }> = {
  member: { text: "Judging", tone: "good" },
  silent: { text: "Silent", tone: "bad" },
  left: { text: "Signed off", tone: "neutral" },
};

function Authorizers({ may }: { may: boolean }) {
  const { data, error, isPending, refetch } = useQuery({
    ...authorizers(),
    refetchInterval: whileSomebodyLooks(5_000),
  });
  const [leaving, setLeaving] = useState<string | undefined>(
    () => data?.items.find((a) => wasInterrupted(`authorizer.sign-off:${a.id}`))?.id,
  );
  return (
    <Section title="Authorizers" aside="Each is listed until it is signed off" className="mt-8">
      {error && !data && <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />}
      {isPending && <SkeletonRows rows={2} label="Loading authorizers" />}
      {data && data.items.length === 0 && (
        <div className="panel">
          <Empty title="No authorizer has joined">One joins by itself when it starts beside an API gateway.</Empty>
        </div>
      )}
      <ul className="grid grid-cols-1 gap-3 md:grid-cols-2 xl:grid-cols-3">
        {data?.items.map((a) => (
          <li key={a.id} className="panel p-4">
            <div className="mb-2 flex items-center justify-between gap-2">
              <h3 className="min-w-0 truncate text-sm font-medium">{a.id}</h3>
              <Badge tone={states[a.state].tone} dot>
                {states[a.state].text}
              </Badge>
            </div>
            <Facts
              items={[
                ["Has applied", `#${a.position}`],
                ["Last heard", <Time key="h" at={a.last_heard_at} />],
                a.ended_at
                  ? ["Signed off", <Time key="e" at={a.ended_at} />]
                  : ["Joined", <Time key="j" at={a.joined_at} />],
              ]}
            />
            {may && a.state !== "left" && (
              <div className="mt-3">
                <Button size="sm" onClick={() => setLeaving(a.id)}>
                  Sign off…
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {leaving && (
        <ReasonDialog
          close={() => setLeaving(undefined)}
          action={{
            key: `authorizer.sign-off:${leaving}`,
            path: `/api/issuance/v1/authorizers/${encodeURIComponent(leaving)}/sign-off`,
            title: `Sign off ${leaving}`,
            description: "You vouch that it judges no more calls. Receipts stop waiting for its word.",
            button: "Sign off",
            done: "The authorizer is signed off",
            danger: true,
            refresh: ["authorizers", "revocations"],
          }}
        />
      )}
    </Section>
  );
}
