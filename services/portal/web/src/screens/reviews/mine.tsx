import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FileInput } from "lucide-react";
import { requests } from "@/api/queries";
import { countFilters } from "@/lib/cursor";
import { duration, sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { EnvironmentBadge, StateBadge } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { Select } from "@/ui/field";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, EmptyByFilter, ProblemNote, SkeletonRows } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";

const states = ["submitted", "approved", "denied", "withdrawn", "expired"];

/** What one's organisation has asked for. */
export function Requests() {
  useTitle("Requests");
  const search = useSearch({ from: "/requests" });
  const navigate = useNavigate({ from: "/requests" });
  const { data, error, isPending, refetch } = useQuery(
    requests({ box: "mine", state: search.state, after: search.after, limit: 50 }),
  );
  const ask = (
    <LinkButton tone="primary" to="/access/new">
      Request access
    </LinkButton>
  );
  return (
    <>
      <PageHeader title="Requests" facts="What your organisation asked for, and what became of it" action={ask} />
      <div className="mb-3 w-44">
        <Select
          aria-label="State"
          value={search.state ?? ""}
          onChange={(e) => void navigate({ search: { state: e.target.value || undefined }, replace: true })}
        >
          <option value="">Every state</option>
          {states.map((s) => (
            <option key={s} value={s}>
              {sentenceCase(s)}
            </option>
          ))}
        </Select>
      </div>
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading requests" />
          ) : data?.items.length === 0 ? (
            countFilters(search) > 0 ? (
              <EmptyByFilter noun="requests" count={1} onClear={() => void navigate({ search: {}, replace: true })} />
            ) : (
              <Empty icon={<FileInput className="size-5" aria-hidden="true" />} title="No requests yet" action={ask}>
                A request asks for scopes of one product, for one application, until a day.
              </Empty>
            )
          ) : (
            <Table
              name="requests"
              label="Requests"
              rows={data?.items ?? []}
              rowKey={(r) => r.id}
              faded={(r) => ["withdrawn", "expired"].includes(r.state)}
              columns={[
                {
                  id: "what",
                  header: "Request",
                  fixed: true,
                  cell: (r) => (
                    <div>
                      <Link
                        to="/requests/$id"
                        params={{ id: r.id }}
                        data-row-link
                        className="rounded font-medium hover:underline"
                      >
                        {r.product_name} for {r.application_name}
                      </Link>
                      <p className="font-mono text-xs break-words text-faint">{r.scopes.join(" ")}</p>
                    </div>
                  ),
                },
                { id: "state", header: "State", cell: (r) => <StateBadge state={r.state} /> },
                {
                  id: "environment",
                  header: "Environment",
                  wide: true,
                  cell: (r) => <EnvironmentBadge of={r.environment} />,
                },
                {
                  id: "duration",
                  header: "For",
                  wide: true,
                  cell: (r) => duration(r.duration_seconds),
                },
                {
                  id: "submitted",
                  header: "Submitted",
                  wide: true,
                  cell: (r) => <Time at={r.submitted_at} className="text-soft" />,
                },
              ]}
            />
          )}
        </div>
      )}
      {data?.next && (
        <div className="mt-3 flex justify-end">
          <LinkButton to="/requests" search={(old) => ({ ...old, after: data.next })}>
            Next page
          </LinkButton>
        </div>
      )}
    </>
  );
}
