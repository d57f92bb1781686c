import { Ban, CircleCheck } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import type { Allowance, Credential, Receipt } from "@/api/types";
import { works } from "@/lib/credentials";
import { plural } from "@/lib/format";
import { Button, GuardedButton, LinkButton } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Field, Select, TextArea, Input as TextInput } from "@/ui/field";
import { ProblemNote } from "@/ui/states";
import { Time } from "@/ui/time";

interface Input {
  reason: string;
  comment: string;
}

const reasons: [string, string][] = [
  ["no_longer_needed", "It is no longer needed"],
  ["suspected_leak", "Somebody else may have it"],
  ["owner_left", "The person who used it has left"],
  ["policy", "A rule demands it"],
];

export function RevokeButton({ of, allowance }: { of: Credential; allowance: Allowance }) {
  const key = `credential.revoke:${of.id}`;
  const [open, setOpen] = useState(() => interrupted(key) !== undefined);
  return (
    <>
      <GuardedButton size="sm" allowance={allowance} className="text-bad" onClick={() => setOpen(true)}>
        <Ban className="size-3.5" aria-hidden="true" /> Revoke
      </GuardedButton>
      {open && <RevokeDialog commandKey={key} of={of} close={() => setOpen(false)} />}
    </>
  );
}

function RevokeDialog({ commandKey, of, close }: { commandKey: string; of: Credential; close(): void }) {
  const kept = interrupted(commandKey)?.input as Input | undefined;
  const [input, setInput] = useState<Input>(kept ?? { reason: "", comment: "" });
  const [typed, setTyped] = useState(kept ? of.name : "");
  const [checked, setChecked] = useState(false);
  const [done, setDone] = useState<{ position?: number | string }>();
  const command = useCommand({
    key: commandKey,
    run: (value: Input, id) => post<Receipt>(`/api/issuance/v1/credentials/${of.id}/revoke`, value, id),
    onDone: (output) => setDone(output ?? {}),
    // The card is refreshed on closing: refreshing now would take this dialog away with it.
  });
  const working = of.generations.filter(works).length || 1;

  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (input.reason && typed === of.name) command.run(input);
  }

  if (done) return <Done of={of} position={done.position} close={close} />;
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`Revoke ${of.name}`}
      description="It ends in all its generations and never comes back. A new credential takes its place, if one is needed."
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <dl className="grid grid-cols-3 gap-3 rounded-lg bg-sunken p-3 text-sm">
          <div>
            <dt className="label">Issued</dt>
            <dd>
              <Time at={of.issued_at} />
            </dd>
          </div>
          <div>
            <dt className="label">Values that end</dt>
            <dd>{working}</dd>
          </div>
          <div>
            <dt className="label">Refused within</dt>
            <dd>250 ms, target</dd>
          </div>
        </dl>
        <Field
          label="Reason"
          error={command.problem?.field("reason") ?? (checked && !input.reason ? "Choose why." : undefined)}
        >
          {(p) => (
            <Select {...p} value={input.reason} onChange={(e) => setInput({ ...input, reason: e.target.value })}>
              <option value="">Choose why</option>
              {reasons.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Comment" hint="For the record. Optional." error={command.problem?.field("comment")}>
          {(p) => (
            <TextArea
              {...p}
              rows={2}
              value={input.comment}
              maxLength={500}
              onChange={(e) => setInput({ ...input, comment: e.target.value })}
            />
          )}
        </Field>
        <Field
          label={`Type ${of.name} to confirm`}
          error={checked && typed !== of.name ? `Type “${of.name}” exactly.` : undefined}
        >
          {(p) => (
            <TextInput
              {...p}
              value={typed}
              autoComplete="off"
              spellCheck={false}
              onChange={(e) => setTyped(e.target.value)}
            />
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close} disabled={command.running}>
            Keep it
          </Button>
          <Button type="submit" tone="danger" busy={command.running}>
            {command.confirming ? "Confirming it is you" : `Revoke ${plural(1, "credential")}`}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function Done({ of, position, close }: { of: Credential; position?: number | string; close(): void }) {
  const refresh = useCommand({
    key: `refresh:${of.id}`,
    run: async () => undefined,
    refresh: ["credentials", "records", "grants"],
    onDone: close,
  });
  return (
    <Dialog open onOpenChange={(next) => !next && refresh.run(undefined)} title={`${of.name} is revoked`}>
      <p className="flex items-start gap-2.5 text-sm">
        <CircleCheck className="mt-0.5 size-4.5 shrink-0 text-good" aria-hidden="true" />
        <span>
          The revocation is in the log{position !== undefined && ` at position ${position}`}. Every gateway that follows
          the log refuses the credential from that position on, and one that cannot follow it refuses everything
          sensitive.
        </span>
      </p>
      <DialogActions>
        <LinkButton to="/audit" search={{ subject: of.id }} tone="quiet">
          See the records
        </LinkButton>
        <Button tone="primary" onClick={() => refresh.run(undefined)}>
          Close
        </Button>
      </DialogActions>
    </Dialog>
  );
}
