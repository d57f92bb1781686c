import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { AppWindow, Plus } from "lucide-react";
import { applications, me } from "@/api/queries";
import type { Application } from "@/api/types";
import { countFilters } from "@/lib/cursor";
import { plural, sentenceCase } from "@/lib/format";
import { useEnvironment } from "@/lib/preferences";
import { holds } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { StateBadge } from "@/ui/badge";
import { buttonClass, GuardedButton, LinkButton } from "@/ui/button";
import { Input, Select } from "@/ui/field";
import { Named } from "@/ui/named";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, EmptyByFilter, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table, TableView } from "@/ui/table";
import { Time } from "@/ui/time";

const states = ["active", "suspended", "orphaned", "disabled", "offboarded"];

export function Applications() {
  useTitle("Applications");
  const search = useSearch({ from: "/applications" });
  const navigate = useNavigate({ from: "/applications" });
  const [environment, setEnvironment] = useEnvironment();
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery(
    applications({ environment, state: search.state, after: search.after, limit: 50 }),
  );
  const partner = self?.organization.kind === "partner";
  const rows = (data?.items ?? []).filter((a) =>
    `${a.name} ${a.purpose}`.toLowerCase().includes((search.q ?? "").toLowerCase()),
  );
  const filters = countFilters(search);
  const other = environment === "sandbox" ? "production" : "sandbox";
  const elsewhere = useQuery({ ...applications({ environment: other, limit: 50 }), staleTime: 60_000 });

  const columns: Column<Application>[] = [
    {
      id: "name",
      header: "Application",
      fixed: true,
      className: "w-1/2 min-w-44",
      cell: (a) => (
        <div>
          <Link
            to="/applications/$id"
            params={{ id: a.id }}
            data-row-link
            className="rounded font-medium hover:underline"
          >
            {a.name}
          </Link>
          <p className="line-clamp-1 text-xs text-faint">{a.purpose}</p>
        </div>
      ),
    },
    { id: "state", header: "State", cell: (a) => <StateBadge state={a.state} /> },
    ...(partner
      ? []
      : [
          {
            id: "organization",
            header: "Organisation",
            wide: true,
            cell: (a: Application) => <Named id={a.organization_id} />,
          },
        ]),
    {
      id: "owner",
      header: "Owner",
      wide: true,
      cell: (a) => <Named id={a.owner_id} you={a.owner_id === self?.person.id} />,
    },
    {
      id: "registered",
      header: "Registered",
      wide: true,
      cell: (a) => <Time at={a.registered_at} className="text-soft" />,
    },
  ];

  const register =
    partner &&
    self &&
    (holds(self, "app_owner", "org_admin") ? (
      <LinkButton tone="primary" to="/applications/new">
        <Plus className="size-4" aria-hidden="true" /> Register application
      </LinkButton>
    ) : (
      <GuardedButton
        tone="primary"
        allowance={{
          allowed: false,
          reason: "Only application owners and organisation administrators may register applications.",
        }}
      >
        Register application
      </GuardedButton>
    ));

  return (
    <>
      <PageHeader
        title="Applications"
        facts={`${sentenceCase(environment)} · what calls the APIs, and who answers for it`}
        action={register}
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <Input
          type="search"
          aria-label="Filter applications"
          placeholder="Filter by name or purpose"
          value={search.q ?? ""}
          onChange={(event) =>
            void navigate({ search: (old) => ({ ...old, q: event.target.value || undefined }), replace: true })
          }
          className="min-w-48 flex-1"
        />
        <div className="w-36">
          <Select
            aria-label="State"
            value={search.state ?? ""}
            onChange={(event) =>
              void navigate({
                search: (old) => ({ ...old, state: event.target.value || undefined, after: undefined }),
                replace: true,
              })
            }
          >
            <option value="">Every state</option>
            {states.map((state) => (
              <option key={state} value={state}>
                {sentenceCase(state)}
              </option>
            ))}
          </Select>
        </div>
        <TableView name="applications" columns={columns} />
      </div>
      {error && <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />}
      {!error && (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading applications" />
          ) : rows.length > 0 ? (
            <Table
              name="applications"
              label={`Applications in ${environment}`}
              columns={columns}
              rows={rows}
              rowKey={(a) => a.id}
              faded={(a) => ["disabled", "offboarded"].includes(a.state)}
            />
          ) : filters > 0 ? (
            <EmptyByFilter
              noun="applications"
              count={filters}
              onClear={() => void navigate({ search: {}, replace: true })}
            />
          ) : (
            <Empty
              icon={<AppWindow className="size-5" aria-hidden="true" />}
              title={`No applications in ${environment}`}
              action={
                <>
                  {register}
                  <button type="button" className={buttonClass("quiet")} onClick={() => setEnvironment(other)}>
                    Look in {other}
                  </button>
                </>
              }
            >
              An application is what calls an API. It has two named owners, and every credential belongs to one.
            </Empty>
          )}
        </div>
      )}
      {rows.length > 0 && elsewhere.data && elsewhere.data.items.length > 0 && (
        <p className="mt-2 text-xs text-faint">
          {elsewhere.data.next ? "More than 50" : plural(elsewhere.data.items.length, "application")} in {other}.{" "}
          <button type="button" className="link rounded" onClick={() => setEnvironment(other)}>
            Look in {other}
          </button>
        </p>
      )}
      {(data?.next || search.after) && (
        <div className="mt-3 flex justify-end gap-2">
          {search.after && (
            <LinkButton to="/applications" search={(old) => ({ ...old, after: undefined })}>
              First page
            </LinkButton>
          )}
          {data?.next && (
            <LinkButton to="/applications" search={(old) => ({ ...old, after: data.next })}>
              Next page
            </LinkButton>
          )}
        </div>
      )}
    </>
  );
}
