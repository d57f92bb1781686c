import { useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import type { Allowance, Person, Role } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { GuardedButton } from "@/ui/button";
import { Select } from "@/ui/field";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

export function GrantRole({ of, roles, allowance }: { of: Person; roles: Role[]; allowance: Allowance }) {
  const offered = roles.filter((r) => !of.roles.includes(r));
  const [role, setRole] = useState("");
  const command = useCommand({
    key: `role.grant:${of.id}`,
    run: (value: string, id) =>
      post(`/api/identity/v1/organizations/${of.organization_id}/roles`, { person_id: of.id, role: value }, id),
    refresh: ["people", "records"],
    onDone: (_, value) => {
      setRole("");
      toast(`They are ${sentenceCase(value).toLowerCase()} now`);
    },
  });
  return (
    <div className="space-y-2">
      {command.problem && <ProblemNote problem={command.problem} focus />}
      <div className="flex gap-2">
        <div className="flex-1">
          <Select
            aria-label="Role to give"
            value={role}
            onChange={(e) => setRole(e.target.value)}
            disabled={!allowance.allowed}
          >
            <option value="">Choose a role</option>
            {offered.map((r) => (
              <option key={r} value={r}>
                {sentenceCase(r)}
              </option>
            ))}
          </Select>
        </div>
        <GuardedButton allowance={allowance} disabled={!role} busy={command.running} onClick={() => command.run(role)}>
          Give role
        </GuardedButton>
      </div>
    </div>
  );
}
