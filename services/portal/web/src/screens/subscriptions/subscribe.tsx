import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import type { EventType, Subscribed } from "@/api/types";
import { plural } from "@/lib/format";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Checkbox, Field, Select, Input as TextInput } from "@/ui/field";
import { Lost, ShowOnce, useGuard } from "@/ui/show-once";
import { ProblemNote } from "@/ui/states";
import { Time } from "@/ui/time";

export const subscribeKey = "subscription.create";

interface Input {
  name: string;
  types: string[];
  expires_in_days: number;
}

/** Makes a subscription; the seed of its key is shown once, like any secret. */
export function Subscribe({ types, close }: { types: EventType[]; close(): void }) {
  const kept = interrupted(subscribeKey)?.input as Input | undefined;
  const [input, setInput] = useState<Input>(kept ?? { name: "", types: [], expires_in_days: 30 });
  const [find, setFind] = useState("");
  const [checked, setChecked] = useState(false);
  const command = useCommand<Input, Subscribed>({
    key: subscribeKey,
    run: (value, id) => post<Subscribed>("/api/audit/v1/subscriptions", value, id),
    refresh: ["subscriptions", "records"],
  });
  const guard = useGuard(command.running || command.output !== undefined);
  const shown = types.filter((t) => t.type.toLowerCase().includes(find.toLowerCase()));

  if (command.output?.creds) {
    return (
      <ShowOnce
        label="Seed of the NATS key"
        secret={command.output.creds}
        about={`“${input.name}”, ${plural(input.types.length, "type")} of event.`}
        file={input.name}
        env={`NATS_NKEY_SEED=${command.output.creds}\nCHANCERY_STREAM=${command.output.stream}\nCHANCERY_CONSUMER=${command.output.consumer}\nCHANCERY_API_PREFIX=${command.output.api_prefix}\nCHANCERY_INBOX_PREFIX=${command.output.inbox_prefix}\n`}
        note={
          <>
            Consumer <span className="font-mono">{command.output.consumer}</span>, ends{" "}
            <Time at={command.output.expires_at} />.
          </>
        }
        guard={guard}
        close={close}
      />
    );
  }
  if (command.output) {
    return (
      <Lost
        title="The subscription was made, but its key was not shown"
        text="End it and make another: a key is shown in the first answer only."
        guard={guard}
        close={close}
      />
    );
  }
  if (command.problem?.unknownOutcome) {
    return (
      <Lost
        title="It is not known whether the subscription was made"
        text="The connection broke before the answer came. Asking again is safe: it is carried out once."
        guard={guard}
        close={close}
        again={command.again}
        busy={command.running}
      />
    );
  }
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (input.name.trim() && input.types.length > 0) command.run(input);
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title="Subscribe to events"
      description="Delivered over NATS to one key, which is shown once."
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field
          label="Name"
          error={
            command.problem?.field("name") ??
            (checked && !input.name.trim() ? "Name it after who reads it." : undefined)
          }
        >
          {(p) => (
            <TextInput
              {...p}
              value={input.name}
              maxLength={80}
              onChange={(e) => setInput({ ...input, name: e.target.value })}
            />
          )}
        </Field>
        <fieldset>
          <legend className="mb-1 text-sm font-medium">Types of event</legend>
          <TextInput
            type="search"
            aria-label="Find a type"
            placeholder="Find a type"
            value={find}
            onChange={(e) => setFind(e.target.value)}
          />
          <div className="mt-2 max-h-52 divide-y overflow-y-auto rounded-lg border">
            {shown.map((t) => (
              <label key={t.type} className="flex gap-2.5 px-3 py-1.5 text-sm">
                <Checkbox
                  checked={input.types.includes(t.type)}
                  onChange={(e) =>
                    setInput({
                      ...input,
                      types: e.target.checked ? [...input.types, t.type] : input.types.filter((x) => x !== t.type),
                    })
                  }
                />
                <span className="font-mono text-xs leading-5">{t.type}</span>
              </label>
            ))}
          </div>
          <p
            className={
              checked && input.types.length === 0 ? "mt-1 text-xs font-medium text-bad" : "mt-1 text-xs text-faint"
            }
          >
            {input.types.length === 0 ? "Choose at least one." : `${plural(input.types.length, "type")} chosen.`}
          </p>
        </fieldset>
        <Field label="Ends after" error={command.problem?.field("expires_in_days")}>
          {(p) => (
            <Select
              {...p}
              value={input.expires_in_days}
              onChange={(e) => setInput({ ...input, expires_in_days: Number(e.target.value) })}
            >
              {[7, 30, 90].map((days) => (
                <option key={days} value={days}>
                  {days} days
                </option>
              ))}
            </Select>
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Not now
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            {command.confirming ? "Confirming it is you" : "Subscribe and show once"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
