import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import type { Organization } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Field, TextArea, Input as TextInput } from "@/ui/field";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

export const verifyKey = (id: string) => `organization.verify:${id}`;

interface Input {
  method: string;
  evidence: string;
}

export function VerifyDialog({ of, close }: { of: Organization; close(): void }) {
  const kept = interrupted(verifyKey(of.id))?.input as Input | undefined;
  const [input, setInput] = useState<Input>(kept ?? { method: "", evidence: "" });
  const [checked, setChecked] = useState(false);
  const command = useCommand({
    key: verifyKey(of.id),
    run: (value: Input, id) => post(`/api/identity/v1/organizations/${of.id}/verify`, value, id),
    refresh: ["organizations", "records"],
    onDone: () => {
      toast(`${of.name} is verified`, "Production access is possible from here on.");
      close();
    },
  });
  const error = (name: keyof Input) =>
    command.problem?.field(name) ?? (checked && !input[name].trim() ? "Say what was checked." : undefined);
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (input.method.trim() && input.evidence.trim()) command.run(input);
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`Verify ${of.name}`}
      description="You state that the organisation is who it says. Production credentials are possible from then on."
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field label="Method" hint="For example company register, or a signed contract." error={error("method")}>
          {(p) => (
            <TextInput
              {...p}
              value={input.method}
              maxLength={120}
              onChange={(e) => setInput({ ...input, method: e.target.value })}
            />
          )}
        </Field>
        <Field label="Evidence" hint="Where it can be found again." error={error("evidence")}>
          {(p) => (
            <TextArea
              {...p}
              rows={2}
              value={input.evidence}
              maxLength={500}
              onChange={(e) => setInput({ ...input, evidence: e.target.value })}
            />
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Not now
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            {command.confirming ? "Confirming it is you" : "Verify organisation"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
