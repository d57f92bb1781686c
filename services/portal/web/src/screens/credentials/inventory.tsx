import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";
import { inventory, me, stocktaking } from "@/api/queries";
import { type Finding, findings, type Stock } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { isPartner } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { Badge, StateBadge } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { ApplicationName, Named } from "@/ui/named";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, EmptyByFilter, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table, TableView } from "@/ui/table";
import { Lifetime, Time } from "@/ui/time";
import { Tabs } from "./tabs";

const meaning: Record<Finding, { text: string; why: string; tone: "bad" | "warn" | "neutral" }> = {
  orphaned: { text: "Orphaned", why: "The application lacks an owner", tone: "bad" },
  over_scoped: { text: "Over-scoped", why: "In use, but not with all of its scopes", tone: "warn" },
  unused: { text: "Unused", why: "No call for 30 days", tone: "warn" },
  never_rotated: { text: "Never rotated", why: "Older than 30 days, and still the first secret", tone: "warn" },
  ageing: { text: "Ageing", why: "Less than a fifth of its life is left", tone: "neutral" },
  imported: { text: "Imported", why: "Taken over from another system; never renewed", tone: "neutral" },
};

/** Every live credential in reach and what is to be said of it. */
export function Inventory() {
  useTitle("Credentials");
  const search = useSearch({ from: "/credentials" });
  const navigate = useNavigate({ from: "/credentials" });
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery(
    inventory({ finding: search.finding, after: search.after, limit: 50 }),
  );
  const sums = useQuery(stocktaking());
  const columns: Column<Stock>[] = [
    {
      id: "name",
      header: "Credential",
      fixed: true,
      className: "min-w-44",
      cell: (s) => (
        <div>
          <Link
            to="/applications/$id"
            params={{ id: s.application_id }}
            search={{ tab: "credentials" }}
            data-row-link
            className="rounded font-medium hover:underline"
          >
            {s.name}
          </Link>
          <p className="text-xs text-faint">
            {sentenceCase(s.kind)} of <ApplicationName id={s.application_id} />
          </p>
        </div>
      ),
    },
    { id: "state", header: "State", cell: (s) => <StateBadge state={s.state} /> },
    {
      id: "findings",
      header: "Findings",
      cell: (s) => (
        <span className="flex flex-wrap gap-1">
          {s.findings.length === 0 && <span className="text-faint">None</span>}
          {s.findings.map((f) => (
            <Badge key={f} tone={meaning[f].tone}>
              {meaning[f].text}
            </Badge>
          ))}
        </span>
      ),
    },
    ...(self && !isPartner(self)
      ? [
          {
            id: "organization",
            header: "Organisation",
            wide: true,
            cell: (s: Stock) => <Named id={s.organization_id} />,
          },
        ]
      : []),
    { id: "used", header: "Last used", wide: true, cell: (s) => <Time at={s.last_used_at} className="text-soft" /> },
    { id: "life", header: "Life", wide: true, cell: (s) => <Lifetime from={s.issued_at} until={s.expires_at} /> },
  ];
  const rows = data?.items ?? [];
  const choose = (finding: string | undefined) => void navigate({ search: { finding }, replace: true });
  return (
    <>
      <PageHeader title="Credentials" facts="What is alive, who answers for it, and what should not be as it is" />
      <Tabs current="inventory" />
      <ul className="mb-4 grid grid-cols-2 gap-2 sm:grid-cols-4 xl:grid-cols-7" aria-label="Counts by finding">
        <Tile
          text="Live"
          why="All of them"
          count={sums.data?.total.live}
          chosen={!search.finding}
          onChoose={() => choose(undefined)}
        />
        {findings.map((f) => (
          <Tile
            key={f}
            text={meaning[f].text}
            why={meaning[f].why}
            count={sums.data?.total.findings[f]}
            chosen={search.finding === f}
            onChoose={() => choose(search.finding === f ? undefined : f)}
          />
        ))}
      </ul>
      <div className="mb-3 flex justify-end">
        <TableView name="inventory" columns={columns} />
      </div>
      {error && <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />}
      {!error && (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading credentials" />
          ) : rows.length > 0 ? (
            <Table name="inventory" label="Live credentials" columns={columns} rows={rows} rowKey={(s) => s.id} />
          ) : search.finding ? (
            <EmptyByFilter noun="credentials" count={1} onClear={() => choose(undefined)} />
          ) : (
            <Empty icon={<KeyRound className="size-5" aria-hidden="true" />} title="No credential is alive">
              Credentials are issued on an application’s page once access is granted.
            </Empty>
          )}
        </div>
      )}
      {(data?.next || search.after) && (
        <div className="mt-3 flex justify-end gap-2">
          {search.after && (
            <LinkButton to="/credentials" search={(old) => ({ ...old, after: undefined })}>
              First page
            </LinkButton>
          )}
          {data?.next && (
            <LinkButton to="/credentials" search={(old) => ({ ...old, after: data.next })}>
              Next page
            </LinkButton>
          )}
        </div>
      )}
    </>
  );
}

function Tile({
  text,
  why,
  count,
  chosen,
  onChoose,
}: {
  text: string;
  why: string;
  count: number | undefined;
  chosen: boolean;
  onChoose(): void;
}) {
  return (
    <li>
      <button
        type="button"
        aria-pressed={chosen}
        onClick={onChoose}
        className={`panel flex h-full w-full flex-col p-3 text-left hover:border-edge ${chosen ? "border-ink" : ""}`}
      >
        <span className="text-xl font-semibold tabular-nums">{count ?? "–"}</span>
        <span className="text-sm font-medium">{text}</span>
        <span className="text-xs text-faint">{why}</span>
      </button>
    </li>
  );
}
