import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import type { Credential } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { StateBadge } from "@/ui/badge";
import { GuardedButton } from "@/ui/button";
import { ProblemNote } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { toast } from "@/ui/toast";
import { Overlap } from "./overlap";

/** Every value this credential has had; while two work at once, how long still and the way to end it. */
export function Generations({ of }: { of: Credential }) {
  const generations = [...(of.generations ?? [])].sort((a, b) => b.generation - a.generation);
  const newest = generations[0];
  const old = generations.find((g) => g.overlap_ends_at && !g.retired_at && g.generation !== newest?.generation);
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
              from={newest.issued_at}
              until={old.overlap_ends_at ?? newest.issued_at}
            />
            <p className="mt-2 text-xs text-faint">
              The old value was last used <Time at={old.last_used_at} />. The overlap ends{" "}
              <Time at={old.overlap_ends_at} />, sooner once the old value is unused.
            </p>
          </div>
          <GuardedButton
            size="sm"
            allowance={allowance(of.allowed, "retire")}
            busy={retire.running}
            onClick={() => retire.run(old.generation)}
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
          rowKey={(g) => String(g.generation)}
          faded={(g) => !!g.retired_at}
          columns={[
            { id: "n", header: "No.", fixed: true, cell: (g) => g.generation },
            { id: "hint", header: "Value", cell: (g) => <span className="font-mono text-xs">{g.hint}••••••••</span> },
            { id: "state", header: "State", cell: (g) => <StateBadge state={g.state} /> },
            { id: "issued", header: "Issued", wide: true, cell: (g) => <Time at={g.issued_at} /> },
            { id: "used", header: "Last used", wide: true, cell: (g) => <Time at={g.last_used_at} /> },
          ]}
        />
      </div>
    </div>
  );
}
