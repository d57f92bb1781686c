import { useQuery } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import { Building2, Plus } from "lucide-react";
import { useState } from "react";
import { me, organizations } from "@/api/queries";
import { interrupted } from "@/api/resume";
import type { Organization } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { holds } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { Badge, StateBadge } from "@/ui/badge";
import { GuardedButton } from "@/ui/button";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { type Column, Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { RegisterOrganization, registerKey } from "./register";

const columns: Column<Organization>[] = [
  {
    id: "name",
    header: "Organisation",
    fixed: true,
    cell: (o) => (
      <Link to="/organizations/$id" params={{ id: o.id }} data-row-link className="rounded font-medium hover:underline">
        {o.name}
      </Link>
    ),
  },
  { id: "kind", header: "Kind", cell: (o) => <Badge>{sentenceCase(o.kind)}</Badge> },
  { id: "state", header: "State", cell: (o) => <StateBadge state={o.state} /> },
  {
    id: "contract",
    header: "Contract",
    wide: true,
    cell: (o) => o.contract || <span className="text-faint">None named</span>,
  },
  {
    id: "ends",
    header: "Contract ends",
    wide: true,
    cell: (o) => (o.contract_ends_at ? <Time at={o.contract_ends_at} /> : <span className="text-faint">No date</span>),
  },
];

export function Organizations() {
  useTitle("Organisations");
  const { data: self } = useQuery(me());
  const provider = self?.organization.kind === "provider";
  const [adding, setAdding] = useState(() => interrupted(registerKey) !== undefined);
  const { data, error, isPending, refetch } = useQuery({ ...organizations({ limit: 200 }), enabled: provider });
  if (self && !provider) return <Navigate to="/organizations/$id" params={{ id: self.organization.id }} replace />;
  const admin = !!self && holds(self, "platform_admin");
  return (
    <>
      <PageHeader
        title="Organisations"
        facts="The provider and its partners"
        action={
          <GuardedButton
            tone="primary"
            allowance={{ allowed: admin, reason: "Only platform administrators register organisations." }}
            onClick={() => setAdding(true)}
          >
            <Plus className="size-4" aria-hidden="true" /> Register organisation
          </GuardedButton>
        }
      />
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        <div className="panel overflow-hidden">
          {isPending ? (
            <SkeletonRows label="Loading organisations" />
          ) : data?.items.length === 0 ? (
            <Empty icon={<Building2 className="size-5" aria-hidden="true" />} title="No organisations">
              Register a partner to let its people sign in.
            </Empty>
          ) : (
            <Table
              name="organizations"
              label="Organisations"
              columns={columns}
              rows={data?.items ?? []}
              rowKey={(o) => o.id}
              faded={(o) => o.state === "closed"}
            />
          )}
        </div>
      )}
      {adding && <RegisterOrganization close={() => setAdding(false)} />}
    </>
  );
}
