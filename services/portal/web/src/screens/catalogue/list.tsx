import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Library, Plus } from "lucide-react";
import { useState } from "react";
import { me, products } from "@/api/queries";
import type { Product } from "@/api/types";
import { countFilters } from "@/lib/cursor";
import { sentenceCase } from "@/lib/format";
import { holds } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { Badge, ClassBadge, StateBadge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Input, Select } from "@/ui/field";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, EmptyByFilter, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table, TableView } from "@/ui/table";
import { DraftProduct } from "./draft";

const accessWords = { none: "No access", requested: "Requested", granted: "Granted" } as const;

export function AccessBadge({ access }: { access: Product["my_access"] }) {
  if (!access) return null;
  const tone = access === "granted" ? "good" : access === "requested" ? "accent" : "neutral";
  return (
    <Badge tone={tone} dot={access !== "none"}>
      {accessWords[access]}
    </Badge>
  );
}

const columns: Column<Product>[] = [
  {
    id: "name",
    header: "Product",
    fixed: true,
    className: "w-1/2 min-w-44",
    cell: (p) => (
      <div>
        <Link to="/catalogue/$id" params={{ id: p.id }} data-row-link className="rounded font-medium hover:underline">
          {p.name}
        </Link>
        <p className="line-clamp-1 text-xs text-faint">{p.purpose}</p>
      </div>
    ),
  },
  {
    id: "version",
    header: "Version",
    wide: true,
    cell: (p) => (
      <span className="inline-flex items-center gap-2 whitespace-nowrap">
        {p.version ? <span className="font-mono text-xs">{p.version}</span> : <span className="text-faint">None</span>}
        {p.state !== "published" && <StateBadge state={p.state} />}
      </span>
    ),
  },
  {
    id: "class",
    header: "Class",
    cell: (p) => (p.class ? <ClassBadge of={p.class} /> : <span className="text-faint">Not yet</span>),
    wide: true,
  },
  {
    id: "audience",
    header: "Audience",
    wide: true,
    cell: (p) => <span className="text-soft">{p.audience ? sentenceCase(p.audience) : "Nobody yet"}</span>,
  },
  { id: "access", header: "Your access", cell: (p) => <AccessBadge access={p.my_access} />, className: "w-28" },
];

export function Catalogue() {
  useTitle("Catalogue");
  const search = useSearch({ from: "/catalogue" });
  const navigate = useNavigate({ from: "/catalogue" });
  const { data, error, isPending, refetch } = useQuery(products({ limit: 200 }));
  const { data: self } = useQuery(me());
  const partner = self?.organization.kind === "partner";
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });

  const [drafting, setDrafting] = useState(false);
  const words = (search.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const rows = (data?.items ?? [])
    .filter((p) => words.every((w) => `${p.name} ${p.slug} ${p.purpose}`.toLowerCase().includes(w)))
    .filter((p) => !search.class || p.class === search.class)
    .filter((p) => !search.access || p.my_access === search.access);
  const filters = countFilters(search);

  return (
    <>
      <PageHeader
        title="Catalogue"
        action={
          self &&
          holds(self, "product_owner") && (
            <Button tone="primary" onClick={() => setDrafting(true)}>
              <Plus className="size-4" aria-hidden="true" /> Draft product
            </Button>
          )
        }
        facts={
          partner ? `API products that ${self?.organization.name} may see` : "Every API product and who may see it"
        }
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <Input
          type="search"
          aria-label="Filter products"
          placeholder="Filter by name or purpose"
          value={search.q ?? ""}
          onChange={(event) => set({ q: event.target.value || undefined })}
          className="min-w-48 flex-1"
        />
        <div className="w-36">
          <Select
            aria-label="Class"
            value={search.class ?? ""}
            onChange={(event) => set({ class: event.target.value || undefined })}
          >
            <option value="">Every class</option>
            <option value="public">Public</option>
            <option value="partner">Partner</option>
            <option value="sensitive">Sensitive</option>
          </Select>
        </div>
        {partner && (
          <div className="w-36">
            <Select
              aria-label="Your access"
              value={search.access ?? ""}
              onChange={(event) => set({ access: event.target.value || undefined })}
            >
              <option value="">Any access</option>
              <option value="granted">Granted</option>
              <option value="requested">Requested</option>
              <option value="none">No access</option>
            </Select>
          </div>
        )}
        <TableView name="catalogue" columns={columns} />
      </div>
      {error && <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />}
      {!error && (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading the catalogue" />
          ) : data?.items.length === 0 ? (
            <Empty icon={<Library className="size-5" aria-hidden="true" />} title="No products yet">
              {partner
                ? "A product appears here once its owner publishes it to your organisation. Ask the person who invited you."
                : "A product appears here once its owner drafts it and hands in a contract."}
            </Empty>
          ) : rows.length === 0 ? (
            <EmptyByFilter
              noun="products"
              count={filters}
              onClear={() => void navigate({ search: {}, replace: true })}
            />
          ) : (
            <Table
              name="catalogue"
              label="API products"
              columns={partner ? columns : columns.filter((c) => c.id !== "access")}
              rows={rows}
              rowKey={(p) => p.id}
              faded={(p) => p.state === "retired"}
            />
          )}
        </div>
      )}
      {rows.length > 0 && (
        <p className="mt-2 text-xs text-faint">
          {rows.length} of {data?.items.length}
        </p>
      )}
      {drafting && <DraftProduct close={() => setDrafting(false)} />}
    </>
  );
}
