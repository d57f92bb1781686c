import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { me, product, version } from "@/api/queries";
import type { ProductDetail, Version } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { ClassBadge, RiskBadge, StateBadge } from "@/ui/badge";
import { Id } from "@/ui/copy";
import { Input } from "@/ui/field";
import { Named } from "@/ui/named";
import { Facts, PageHeader, Section, TabLinks } from "@/ui/page";
import { Empty, EmptyByFilter, ErrorPage, SkeletonPage } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { Consumers } from "./consumers";
import { AccessRail } from "./rail";
import { Snippets } from "./snippets";
import { Versions } from "./versions";
import { ProductMenu, Setup } from "./workspace";

const tabs = ["overview", "scopes", "operations", "versions", "consumers"] as const;
type Tab = (typeof tabs)[number];

export function ProductPage() {
  const { id } = useParams({ from: "/catalogue/$id" });
  const search = useSearch({ from: "/catalogue/$id" });
  const { data, error, isPending, refetch } = useQuery(product(id));
  const { data: self } = useQuery(me());
  useTitle(data?.name, "Catalogue");
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="product" id={id} onRetry={() => void refetch()} />;
  const own = data.organization_id === self?.organization.id;
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
            {data.class && <ClassBadge of={data.class} />}
            {data.version && <span className="font-mono text-xs">{data.version}</span>}
            <span>{data.audience ? `For ${data.audience} use` : "Shown to nobody yet"}</span>
          </>
        }
        action={own && <ProductMenu of={data} />}
      />
      {deprecated && <Deprecated of={deprecated} />}
      <div className="grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_17rem]">
        <div className="min-w-0">
          <TabLinks
            label="Product"
            current={tab}
            tabs={[
              { id: "overview", text: "Overview" },
              { id: "scopes", text: "Scopes", count: data.scopes.length },
              { id: "operations", text: "Operations", count: data.operations.length },
              { id: "versions", text: "Versions", count: data.versions.length },
              ...(own ? [{ id: "consumers" as const, text: "Consumers" }] : []),
            ]}
            linkFor={(t) => ({
              to: "/catalogue/$id",
              params: { id },
              search: { tab: t === "overview" ? undefined : t },
            })}
          />
          {tab === "overview" && <Overview of={data} own={own} />}
          {tab === "scopes" && <Scopes of={data} />}
          {tab === "operations" && <Operations of={data} q={search.q ?? ""} />}
          {tab === "versions" && <Versions of={data} own={own} />}
          {tab === "consumers" && own && <Consumers of={data} />}
        </div>
        <AccessRail of={data} />
      </div>
    </>
  );
}

function Deprecated({ of }: { of: Version }) {
  const { data } = useQuery({ ...version(of.id), retry: false });
  return (
    <div className="mb-5 flex gap-2.5 rounded-lg bg-warn-wash px-4 py-3 text-sm">
      <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden="true" />
      <p>
        <span className="font-medium">Version {of.version} is deprecated.</span> It stops <Time at={of.sunset_at} />.{" "}
        {data?.migration}
      </p>
    </div>
  );
}

function Overview({ of, own }: { of: ProductDetail; own: boolean }) {
  const seats = Object.entries(of.seats ?? {}).filter(([, ids]) => ids.length > 0);
  return (
    <div className="space-y-8">
      <p className="max-w-prose text-base text-soft">{of.purpose}</p>

      {own && of.state !== "retired" && (
        <Section title={of.state === "published" ? "What it is shown with" : "Before anyone sees it"}>
          <Setup of={of} />
        </Section>
      )}
      {of.operations.length > 0 && (
        <Section title="Call it">
          <Snippets of={of} />
        </Section>
      )}
      <div className="grid grid-cols-1 gap-8 sm:grid-cols-2">
        {own && (
          <Section title="Accountable people">
            {seats.length > 0 ? (
              <Facts
                items={seats.map(([seat, ids]) => [
                  sentenceCase(seat),
                  <span key={seat} className="flex flex-col">
                    {ids.map((id) => (
                      <Named key={id} id={id} />
                    ))}
                  </span>,
                ])}
              />
            ) : (
              <p className="text-sm text-soft">No seat is filled yet.</p>
            )}
          </Section>
        )}
        <Section title="Facts">
          <Facts
            items={[
              ["Data class", of.class ? sentenceCase(of.class) : "Not classified yet"],
              [
                "Gateway path",
                <span key="p" className="font-mono text-xs">
                  {of.base_path || "/"}
                </span>,
              ],
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
