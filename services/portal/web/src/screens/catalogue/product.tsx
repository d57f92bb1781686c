import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { product } from "@/api/queries";
import type { ProductDetail } from "@/api/types";
import { absoluteTime, sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { ClassBadge, RiskBadge, StateBadge } from "@/ui/badge";
import { Id } from "@/ui/copy";
import { Input } from "@/ui/field";
import { Named } from "@/ui/named";
import { Facts, PageHeader, Section, TabLinks } from "@/ui/page";
import { Empty, EmptyByFilter, ErrorPage, SkeletonPage } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { AccessRail } from "./rail";
import { Snippets } from "./snippets";

const tabs = ["overview", "scopes", "operations", "versions"] as const;
type Tab = (typeof tabs)[number];

export function ProductPage() {
  const { id } = useParams({ from: "/catalogue/$id" });
  const search = useSearch({ from: "/catalogue/$id" });
  const { data, error, isPending, refetch } = useQuery(product(id));
  useTitle(data?.name, "Catalogue");
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="product" id={id} onRetry={() => void refetch()} />;
  const tab: Tab = tabs.find((t) => t === search.tab) ?? "overview";
  const deprecated = data.versions.find((v) => v.version === data.version && v.sunset_at);
  return (
    <>
      <PageHeader
        crumbs={[{ text: "Catalogue", to: "/catalogue" }]}
        title={data.name}
        facts={
          <>
            <StateBadge state={data.state} />
            <ClassBadge of={data.class} />
            {data.version && <span className="font-mono text-xs">{data.version}</span>}
            <span>{data.audience ? `For ${data.audience} use` : "Shown to nobody yet"}</span>
          </>
        }
      />
      {deprecated && (
        <div className="mb-5 flex gap-2.5 rounded-lg bg-warn-wash px-4 py-3 text-sm">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden="true" />
          <p>
            <span className="font-medium">Version {deprecated.version} is deprecated.</span> It stops{" "}
            <Time at={deprecated.sunset_at} />. {deprecated.migration}
          </p>
        </div>
      )}
      <div className="grid gap-8 lg:grid-cols-[minmax(0,1fr)_17rem]">
        <div className="min-w-0">
          <TabLinks
            label="Product"
            current={tab}
            tabs={[
              { id: "overview", text: "Overview" },
              { id: "scopes", text: "Scopes", count: data.scopes.length },
              { id: "operations", text: "Operations", count: data.operations.length },
              { id: "versions", text: "Versions", count: data.versions.length },
            ]}
            linkFor={(t) => ({
              to: "/catalogue/$id",
              params: { id },
              search: { tab: t === "overview" ? undefined : t },
            })}
          />
          {tab === "overview" && <Overview of={data} />}
          {tab === "scopes" && <Scopes of={data} />}
          {tab === "operations" && <Operations of={data} q={search.q ?? ""} />}
          {tab === "versions" && <Versions of={data} />}
        </div>
        <AccessRail of={data} />
      </div>
    </>
  );
}

function Overview({ of }: { of: ProductDetail }) {
  const limits = of.limits ?? {};
  const rows: [string, React.ReactNode][] = [];
  if (limits.rate_per_second) rows.push(["Rate", `${limits.rate_per_second.toLocaleString("en")} requests a second`]);
  if (limits.burst) rows.push(["Burst", `${limits.burst.toLocaleString("en")} requests`]);
  if (limits.quota_per_day) rows.push(["Quota", `${limits.quota_per_day.toLocaleString("en")} requests a day`]);
  if (limits.max_ttl_seconds) rows.push(["Longest credential", `${Math.round(limits.max_ttl_seconds / 86400)} days`]);
  return (
    <div className="space-y-8">
      <p className="max-w-prose text-base text-soft">{of.purpose}</p>
      <Section title="Call it">
        <Snippets of={of} />
      </Section>
      <div className="grid gap-8 sm:grid-cols-2">
        <Section title="Accountable people">
          {of.seats && of.seats.length > 0 ? (
            <Facts items={of.seats.map((s) => [sentenceCase(s.seat), <Named key={s.seat} id={s.person_id} />])} />
          ) : (
            <p className="text-sm text-soft">No seat is filled yet.</p>
          )}
        </Section>
        <Section title="Limits and facts">
          <Facts
            items={[
              ...rows,
              ["Data class", sentenceCase(of.class)],
              ["Authentication", "API key or OAuth client"],
              ["Product id", <Id key="id" id={of.id} what="product id" />],
            ]}
          />
        </Section>
      </div>
    </div>
  );
}

function Scopes({ of }: { of: ProductDetail }) {
  if (of.scopes.length === 0) return <Empty title="No scopes">A contract with operations brings its scopes.</Empty>;
  return (
    <div className="panel overflow-hidden">
      <Table
        name="scopes"
        label="Scopes"
        rows={of.scopes}
        rowKey={(s) => s.name}
        columns={[
          {
            id: "name",
            header: "Scope and what it allows",
            fixed: true,
            cell: (s) => (
              <div>
                <span className="font-mono text-xs font-medium">{s.name}</span>
                <p className="text-soft">{s.description}</p>
              </div>
            ),
          },
          { id: "risk", header: "Risk", cell: (s) => <RiskBadge risk={s.risk} /> },
          {
            id: "operations",
            header: "Operations",
            wide: true,
            className: "text-right",
            cell: (s) => of.operations.filter((o) => o.scopes.includes(s.name)).length,
          },
        ]}
      />
    </div>
  );
}

const methodTones: Record<string, string> = {
  GET: "text-good",
  HEAD: "text-good",
  POST: "text-accent",
  PUT: "text-warn",
  PATCH: "text-warn",
  DELETE: "text-bad",
};

function Operations({ of, q }: { of: ProductDetail; q: string }) {
  const navigate = useNavigate({ from: "/catalogue/$id" });
  const rows = of.operations.filter((o) =>
    `${o.method} ${o.path} ${o.summary} ${o.scopes.join(" ")}`.toLowerCase().includes(q.toLowerCase()),
  );
  return (
    <>
      <Input
        type="search"
        aria-label="Filter operations"
        placeholder="Filter by path, words or scope"
        value={q}
        onChange={(event) =>
          void navigate({ search: (old) => ({ ...old, q: event.target.value || undefined }), replace: true })
        }
        className="mb-3"
      />
      <div className="panel overflow-hidden">
        {rows.length === 0 ? (
          <EmptyByFilter
            noun="operations"
            count={1}
            onClear={() => void navigate({ search: (old) => ({ ...old, q: undefined }), replace: true })}
          />
        ) : (
          <Table
            name="operations"
            label="Operations"
            rows={rows}
            rowKey={(o) => o.id}
            columns={[
              {
                id: "operation",
                header: "Operation",
                fixed: true,
                cell: (o) => (
                  <div>
                    <span
                      className={`inline-block w-14 font-mono text-xs font-semibold ${methodTones[o.method] ?? ""}`}
                    >
                      {o.method}
                    </span>
                    <span className="font-mono text-xs break-all">{o.path}</span>
                    {o.summary && <p className="text-xs text-faint">{o.summary}</p>}
                    <p className="font-mono text-xs text-soft md:hidden">{o.scopes.join(", ")}</p>
                  </div>
                ),
              },
              {
                id: "scopes",
                header: "Needs",
                wide: true,
                cell: (o) => <span className="font-mono text-xs text-soft">{o.scopes.join(", ") || "nothing"}</span>,
              },
            ]}
          />
        )}
      </div>
    </>
  );
}

function Versions({ of }: { of: ProductDetail }) {
  if (of.versions.length === 0) return <Empty title="No versions">A version is a contract that was handed in.</Empty>;
  return (
    <div className="panel overflow-hidden">
      <Table
        name="versions"
        label="Versions"
        rows={of.versions}
        rowKey={(v) => v.id}
        columns={[
          {
            id: "version",
            header: "Version",
            fixed: true,
            cell: (v) => <span className="font-mono text-xs font-medium">{v.version}</span>,
          },
          { id: "state", header: "State", cell: (v) => <StateBadge state={v.state} /> },
          {
            id: "published",
            header: "Published",
            cell: (v) => (v.published_at ? <Time at={v.published_at} /> : <span className="text-faint">Not yet</span>),
          },
          {
            id: "sunset",
            header: "Stops",
            wide: true,
            cell: (v) =>
              v.sunset_at ? (
                <span title={absoluteTime(new Date(v.sunset_at))}>{v.sunset_at.slice(0, 10)}</span>
              ) : (
                <span className="text-faint">No date</span>
              ),
          },
        ]}
      />
    </div>
  );
}
