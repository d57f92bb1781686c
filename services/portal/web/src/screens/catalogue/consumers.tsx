import { useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { grants } from "@/api/queries";
import type { ProductDetail } from "@/api/types";
import { UsageDialog } from "@/screens/applications/grant-usage";
import { EnvironmentBadge, StateBadge } from "@/ui/badge";
import { Named } from "@/ui/named";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Table } from "@/ui/table";
import { Lifetime } from "@/ui/time";

/** Who may use the product, with which scopes and until when. */
export function Consumers({ of }: { of: ProductDetail }) {
  const { data, error, isPending, refetch } = useQuery(grants({ product_id: of.id, limit: 200 }));
  if (error && !data) return <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />;
  return (
    <div className="panel overflow-hidden">
      {isPending ? (
        <SkeletonRows label="Loading consumers" />
      ) : data?.items.length === 0 ? (
        <Empty icon={<Users className="size-5" aria-hidden="true" />} title="Nobody uses it yet">
          An application appears here once a request for it is approved.
        </Empty>
      ) : (
        <Table
          name="consumers"
          label="Consumers"
          rows={data?.items ?? []}
          rowKey={(g) => g.id}
          faded={(g) => g.state !== "active"}
          columns={[
            {
              id: "application",
              header: "Application",
              fixed: true,
              cell: (g) => (
                <div>
                  <span className="font-medium">{g.application_name}</span>
                  <p className="font-mono text-xs break-words text-soft">{g.scopes.join(" ")}</p>
                </div>
              ),
            },
            { id: "organization", header: "Organisation", wide: true, cell: (g) => <Named id={g.organization_id} /> },
            {
              id: "environment",
              header: "Environment",
              wide: true,
              cell: (g) => <EnvironmentBadge of={g.environment} />,
            },
            { id: "state", header: "State", cell: (g) => <StateBadge state={g.state} /> },
            { id: "used", header: "Used", fixed: true, cell: (g) => g.state === "active" && <UsageDialog of={g} /> },
            {
              id: "until",
              header: "Ends",
              wide: true,
              className: "w-40",
              cell: (g) => <Lifetime from={g.activated_at} until={g.until} ended={g.state !== "active"} />,
            },
          ]}
        />
      )}
    </div>
  );
}
