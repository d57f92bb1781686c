import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { useName } from "@/api/names";
import { me } from "@/api/queries";
import { interrupted } from "@/api/resume";
import type { Application } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { Button, GuardedButton } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Field } from "@/ui/field";
import { Avatar, Named } from "@/ui/named";
import { PersonSelect } from "@/ui/person-select";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

const seats = [
  {
    seat: "owner",
    title: "Owner",
    field: "owner_id",
    text: "Answers for the application and what it does with its access.",
  },
  {
    seat: "backup_owner",
    title: "Backup owner",
    field: "backup_owner_id",
    text: "Stands in, and is there when the owner leaves.",
  },
] as const;

export function Owners({ of }: { of: Application }) {
  const { data: self } = useQuery(me());
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {seats.map((s) => (
        <Seat key={s.seat} of={of} seat={s} you={of[s.field] === self?.person.id} />
      ))}
    </div>
  );
}

function Seat({ of, seat, you }: { of: Application; seat: (typeof seats)[number]; you: boolean }) {
  const holder = of[seat.field];
  const name = useName(holder || undefined);
  const key = `application.owner.${seat.seat}:${of.id}`;
  const [open, setOpen] = useState(() => interrupted(key) !== undefined);
  return (
    <section className="panel flex flex-col p-4">
      <h2 className="label">{seat.title}</h2>
      <div className="mt-2 flex items-center gap-3">
        {holder && <Avatar id={holder} size={36} />}
        <div className="min-w-0">
          <p className="font-medium">
            <Named id={holder} you={you} />
          </p>
          <p className="truncate text-sm text-soft">{name?.email}</p>
        </div>
      </div>
      <p className="mt-3 mb-4 text-sm text-faint">{seat.text}</p>
      <div className="mt-auto">
        <GuardedButton size="sm" allowance={allowance(of.allowed, "assign_owner")} onClick={() => setOpen(true)}>
          Name a successor
        </GuardedButton>
      </div>
      {open && <Successor of={of} seat={seat} commandKey={key} close={() => setOpen(false)} />}
    </section>
  );
}

function Successor({
  of,
  seat,
  commandKey,
  close,
}: {
  of: Application;
  seat: (typeof seats)[number];
  commandKey: string;
  close(): void;
}) {
  const [person, setPerson] = useState((interrupted(commandKey)?.input as string | undefined) ?? "");
  const command = useCommand({
    key: commandKey,
    run: (person_id: string, id) =>
      post(`/api/registry/v1/applications/${of.id}/owners`, { seat: seat.seat, person_id }, id),
    refresh: ["applications", "records"],
    onDone: () => {
      toast(`${seat.title} of ${of.name} changed`);
      close();
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (person) command.run(person);
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`New ${seat.title.toLowerCase()} of ${of.name}`}
    >
      <form onSubmit={submit} className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field label="Person" error={command.problem?.field("person_id")}>
          {(p) => (
            <PersonSelect
              {...p}
              organization={of.organization_id}
              value={person}
              onChange={setPerson}
              without={[of.owner_id, of.backup_owner_id]}
            />
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Leave it as it is
          </Button>
          <Button type="submit" tone="primary" disabled={!person} busy={command.running}>
            Make them {seat.title.toLowerCase()}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
