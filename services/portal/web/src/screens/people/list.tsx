import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Users } from "lucide-react";
import { me, organizations, people } from "@/api/queries";
import { countFilters } from "@/lib/cursor";
import { sentenceCase } from "@/lib/format";
import { readsEveryone } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { Badge, StateBadge } from "@/ui/badge";
import { Input, Select } from "@/ui/field";
import { Avatar, Named } from "@/ui/named";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, EmptyByFilter, ProblemNote, SkeletonRows } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";

export function People() {
  useTitle("People");
  const search = useSearch({ from: "/people" });
  const navigate = useNavigate({ from: "/people" });
  const { data: self } = useQuery(me());
  const organization = search.organization ?? self?.organization.id;
  const everyone = !!self && readsEveryone(self);
  const orgs = useQuery({ ...organizations({ limit: 200 }), enabled: everyone, retry: false });
  const { data, error, isPending, refetch } = useQuery({
    ...people({ organization_id: organization, limit: 200 }),
    enabled: !!self,
  });
  const rows = (data?.items ?? []).filter((p) =>
    `${p.name} ${p.email} ${p.roles.join(" ")}`.toLowerCase().includes((search.q ?? "").toLowerCase()),
  );
  return (
    <>
      <PageHeader
        title="People"
        facts="They come from the organisation’s identity provider; nobody is invited by password"
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <Input
          type="search"
          aria-label="Filter people"
          placeholder="Filter by name, address or role"
          value={search.q ?? ""}
          onChange={(e) =>
            void navigate({ search: (old) => ({ ...old, q: e.target.value || undefined }), replace: true })
          }
          className="min-w-48 flex-1"
        />
        {everyone && orgs.data && (
          <div className="w-52">
            <Select
              aria-label="Organisation"
              value={organization}
              onChange={(e) => void navigate({ search: (old) => ({ ...old, organization: e.target.value }) })}
            >
              {orgs.data.items.map((o) => (
                <option key={o.id} value={o.id}>
                  {o.name}
                </option>
              ))}
            </Select>
          </div>
        )}
      </div>
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading people" />
          ) : rows.length === 0 ? (
            countFilters(search) > 0 ? (
              <EmptyByFilter noun="people" count={1} onClear={() => void navigate({ search: {}, replace: true })} />
            ) : (
              <Empty icon={<Users className="size-5" aria-hidden="true" />} title="Nobody has signed in yet">
                A person appears here with their first sign-in through the organisation’s provider.
              </Empty>
            )
          ) : (
            <Table
              name="people"
              label="People"
              rows={rows}
              rowKey={(p) => p.id}
              faded={(p) => p.state === "deprovisioned"}
              columns={[
                {
                  id: "name",
                  header: "Person",
                  fixed: true,
                  cell: (p) => (
                    <span className="flex items-center gap-2.5">
                      <Avatar id={p.id} />
                      <span className="min-w-0">
                        <Link
                          to="/people/$id"
                          params={{ id: p.id }}
                          data-row-link
                          className="rounded font-medium hover:underline"
                        >
                          {p.name ?? <Named id={p.id} />}
                        </Link>
                        <span className="block truncate text-xs text-faint">{p.email}</span>
                      </span>
                    </span>
                  ),
                },
                {
                  id: "roles",
                  header: "Roles",
                  cell: (p) => (
                    <span className="flex flex-wrap gap-1">
                      {p.roles.length === 0 && <span className="text-faint">None</span>}
                      {p.roles.map((r) => (
                        <Badge key={r}>{sentenceCase(r)}</Badge>
                      ))}
                    </span>
                  ),
                },
                { id: "state", header: "State", wide: true, cell: (p) => <StateBadge state={p.state} /> },
                {
                  id: "seen",
                  header: "Last sign-in",
                  wide: true,
                  cell: (p) => <Time at={p.last_sign_in_at} className="text-soft" />,
                },
              ]}
            />
          )}
        </div>
      )}
    </>
  );
}
