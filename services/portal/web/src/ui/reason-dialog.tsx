import { type FormEvent, type ReactNode, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import { Button } from "./button";
import { Dialog, DialogActions } from "./dialog";
import { Field, Input, TextArea } from "./field";
import { ProblemNote } from "./states";
import { toast } from "./toast";

export interface ReasonAction {
  /** Names the command and its object; also what it resumes by. */
  key: string;
  path: string;
  title: string;
  description: ReactNode;
  button: string;
  done: string;
  danger?: boolean;
  /** What must be typed before a dangerous action. */
  confirm?: string;
  refresh: string[];
  extra?: Record<string, unknown>;
}

export const wasInterrupted = (key: string) => interrupted(key) !== undefined;

/** A command that needs a reason, and for what cannot be undone a typed name. */
export function ReasonDialog({ action, close }: { action: ReasonAction; close(): void }) {
  const kept = interrupted(action.key)?.input as { reason: string } | undefined;
  const [reason, setReason] = useState(kept?.reason ?? "");
  const [typed, setTyped] = useState(kept ? (action.confirm ?? "") : "");
  const [checked, setChecked] = useState(false);
  const command = useCommand({
    key: action.key,
    run: (input: { reason: string }, id) => post(action.path, { ...action.extra, ...input }, id),
    refresh: action.refresh,
    onDone: () => {
      toast(action.done);
      close();
    },
  });
  const confirmed = !action.confirm || typed === action.confirm;

  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (reason.trim() && confirmed) command.run({ reason: reason.trim() });
  }

  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={action.title}
      description={action.description}
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field
          label="Reason"
          hint="It goes into the record."
          error={command.problem?.field("reason") ?? (checked && !reason.trim() ? "Say why." : undefined)}
        >
          {(p) => (
            <TextArea {...p} rows={2} value={reason} maxLength={500} onChange={(e) => setReason(e.target.value)} />
          )}
        </Field>
        {action.confirm && (
          <Field
            label={`Type ${action.confirm} to confirm`}
            error={checked && !confirmed ? `Type “${action.confirm}” exactly.` : undefined}
          >
            {(p) => (
              <Input
                {...p}
                value={typed}
                autoComplete="off"
                spellCheck={false}
                onChange={(e) => setTyped(e.target.value)}
              />
            )}
          </Field>
        )}
        <DialogActions>
          <Button tone="quiet" onClick={close} disabled={command.running}>
            Leave it as it is
          </Button>
          <Button type="submit" tone={action.danger ? "danger" : "primary"} busy={command.running}>
            {command.confirming ? "Confirming it is you" : action.button}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
