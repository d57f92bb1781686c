import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import type { Credential } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { newestFirst, works } from "@/lib/credentials";
import { StateBadge } from "@/ui/badge";
import { GuardedButton } from "@/ui/button";
import { ProblemNote } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { toast } from "@/ui/toast";
import { Overlap } from "./overlap";

/** Every value this credential has had; while two work at once, how long still and the way to end it. */
export function Generations({ of }: { of: Credential }) {
  const generations = newestFirst(of);
  const newest = generations[0];
  const old = generations.find((g) => g.state === "overlap");
  const retire = useCommand({
    key: `credential.retire:${of.id}`,
    run: (generation: number, id) => post(`/api/issuance/v1/credentials/${of.id}/retire`, { generation }, id),
    refresh: ["credentials", "records"],
    onDone: (_, generation) => toast(`Generation ${generation} is retired`, "It is refused from now on."),
  });
  return (
    <div className="border-t">
      {old && newest && (
        <div className="flex flex-wrap items-end gap-4 px-4 pt-4">
          <div className="min-w-60 flex-1">
            <Overlap
              oldHint={old.hint}
              newHint={newest.hint}
              from={newest.created_at}
              until={old.overlap_ends_at ?? newest.created_at}
            />
            <p className="mt-2 text-xs text-faint">
              The overlap ends <Time at={old.overlap_ends_at} />, sooner once the old value is unused.
            </p>
          </div>
          <GuardedButton
            size="sm"
            allowance={allowance(of.allowed, "retire")}
            busy={retire.running}
            onClick={() => retire.run(old.number)}
          >
            End overlap now
          </GuardedButton>
        </div>
      )}
      {retire.problem && (
        <div className="px-4 pt-3">
          <ProblemNote problem={retire.problem} focus />
        </div>
      )}
      <div className="pt-2">
        <Table
          name="generations"
          label={`Generations of ${of.name}`}
          rows={generations}
          rowKey={(g) => String(g.number)}
          faded={(g) => !works(g)}
          columns={[
            { id: "n", header: "No.", fixed: true, cell: (g) => g.number },
            { id: "hint", header: "Value", cell: (g) => <span className="font-mono text-xs">{g.hint}••••••••</span> },
            { id: "state", header: "State", cell: (g) => <StateBadge state={g.state} /> },
            { id: "issued", header: "Issued", wide: true, cell: (g) => <Time at={g.created_at} /> },
            {
              id: "ends",
              header: "Ends",
              wide: true,
              cell: (g) => <Time at={g.ended_at ?? g.overlap_ends_at ?? g.expires_at} />,
            },
          ]}
        />
      </div>
    </div>
  );
}
