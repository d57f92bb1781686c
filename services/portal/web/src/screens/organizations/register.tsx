import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Field, Input as TextInput } from "@/ui/field";
import { ProblemNote } from "@/ui/states";

export const registerKey = "organization.register";

interface Input {
  name: string;
  kind: "partner";
  contract?: string;
  contract_ends_at?: string;
}

export function RegisterOrganization({ close }: { close(): void }) {
  const navigate = useNavigate();
  const kept = interrupted(registerKey)?.input as Input | undefined;
  const [name, setName] = useState(kept?.name ?? "");
  const [contract, setContract] = useState(kept?.contract ?? "");
  const [ends, setEnds] = useState(kept?.contract_ends_at?.slice(0, 10) ?? "");
  const [checked, setChecked] = useState(false);
  const command = useCommand({
    key: registerKey,
    run: (input: Input, id) => post<{ id: string }>("/api/identity/v1/organizations", input, id),
    refresh: ["organizations", "records"],
    onDone: ({ id }) => void navigate({ to: "/organizations/$id", params: { id } }),
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (name.trim())
      command.run({
        name: name.trim(),
        kind: "partner",
        contract: contract.trim() || undefined,
        contract_ends_at: ends ? `${ends}T00:00:00Z` : undefined,
      });
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title="Register a partner"
      description="Its people can sign in once single sign-on is configured. Production access needs verification first."
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field
          label="Name"
          error={command.problem?.field("name") ?? (checked && !name.trim() ? "Say what it is called." : undefined)}
        >
          {(p) => <TextInput {...p} value={name} maxLength={120} onChange={(e) => setName(e.target.value)} />}
        </Field>
        <Field
          label="Contract"
          hint="The record outside, for example a contract number. Optional."
          error={command.problem?.field("contract")}
        >
          {(p) => <TextInput {...p} value={contract} maxLength={120} onChange={(e) => setContract(e.target.value)} />}
        </Field>
        <Field
          label="Contract ends"
          hint="Everything of the partner ends that day. Optional."
          error={command.problem?.field("contract_ends_at")}
        >
          {(p) => <TextInput {...p} type="date" value={ends} onChange={(e) => setEnds(e.target.value)} />}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Not now
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            {command.confirming ? "Confirming it is you" : "Register partner"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
