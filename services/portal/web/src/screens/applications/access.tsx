import type { UseQueryResult } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FileInput } from "lucide-react";
import type { AccessRequest, Application, Grant, Page } from "@/api/types";
import { StateBadge } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { Section } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Table } from "@/ui/table";
import { Lifetime, Time } from "@/ui/time";
import { GrantMenu } from "./grant-menu";
import { UsageDialog } from "./grant-usage";

interface Props {
  application: Application;
  grants: UseQueryResult<Page<Grant>>;
  pending: AccessRequest[];
  mine: boolean;
}

export function Access({ application, grants, pending, mine }: Props) {
  if (!grants.data && grants.error)
    return <ProblemNote problem={asProblem(grants.error)} onRetry={() => void grants.refetch()} />;
  const open = pending.filter(
    (r) =>
      ["submitted", "in_review", "approved"].includes(r.state) &&
      !grants.data?.items.some((g) => g.request_id === r.id),
  );
  return (
    <div className="space-y-8">
      {open.length > 0 && (
        <Section title="On its way">
          <ul className="panel divide-y">
            {open.map((r) => (
              <li key={r.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm">
                <Link to="/requests/$id" params={{ id: r.id }} className="link">
                  {r.product_name}
                </Link>
                <span className="min-w-0 flex-1 font-mono text-xs break-words text-soft">{r.scopes.join(" ")}</span>
                <StateBadge state={r.state} />
                <Time at={r.submitted_at} className="text-xs text-faint" />
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Grants">
        <div className="panel overflow-hidden">
          {grants.isPending ? (
            <SkeletonRows rows={3} label="Loading grants" />
          ) : grants.data?.items.length === 0 ? (
            <Empty
              icon={<FileInput className="size-5" aria-hidden="true" />}
              title="No access yet"
              action={
                mine && (
                  <LinkButton tone="primary" to="/access/new" search={{ application: application.id }}>
                    Request access
                  </LinkButton>
                )
              }
            >
              A grant lets this application use named scopes of one product until a day that is set beforehand.
            </Empty>
          ) : (
            <Table
              name="grants"
              label="Grants"
              rows={grants.data?.items ?? []}
              rowKey={(g) => g.id}
              faded={(g) => g.state !== "active"}
              columns={[
                {
                  id: "product",
                  header: "Product",
                  fixed: true,
                  cell: (g) => (
                    <div>
                      <Link
                        to="/catalogue/$id"
                        params={{ id: g.product_id }}
                        data-row-link
                        className="rounded font-medium hover:underline"
                      >
                        {g.product_name}
                      </Link>
                      <p className="font-mono text-xs break-words text-soft">{g.scopes.join(" ")}</p>
                    </div>
                  ),
                },
                { id: "state", header: "State", cell: (g) => <StateBadge state={g.state} /> },
                {
                  id: "used",
                  header: "Used",
                  fixed: true,
                  cell: (g) => g.state === "active" && <UsageDialog of={g} />,
                },
                {
                  id: "until",
                  header: "Ends",
                  wide: true,
                  className: "w-40",
                  cell: (g) => <Lifetime from={g.activated_at} until={g.until} ended={g.state !== "active"} />,
                },
                {
                  id: "request",
                  header: "Approved in",
                  wide: true,
                  cell: (g) => (
                    <Link to="/requests/$id" params={{ id: g.request_id }} className="link">
                      Request
                    </Link>
                  ),
                },
                {
                  id: "actions",
                  header: "",
                  fixed: true,
                  className: "w-10 text-right",
                  cell: (g) => g.state === "active" && <GrantMenu of={g} />,
                },
              ]}
            />
          )}
        </div>
      </Section>
    </div>
  );
}
