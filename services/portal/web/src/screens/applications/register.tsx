import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { me } from "@/api/queries";
import { useDraft } from "@/lib/draft";
import { useEnvironment } from "@/lib/preferences";
import { useTitle } from "@/lib/title";
import { Button, LinkButton } from "@/ui/button";
import { Choices, Field, Input, TextArea } from "@/ui/field";
import { PageHeader } from "@/ui/page";
import { PersonSelect } from "@/ui/person-select";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

const labels = {
  name: "Name",
  purpose: "Purpose",
  owner_id: "Owner",
  backup_owner_id: "Backup owner",
  environment: "Environment",
};

export function Register() {
  useTitle("Register an application", "Applications");
  const { data: self } = useQuery(me());
  const [environment, setEnvironment] = useEnvironment();
  const navigate = useNavigate();
  const [draft, change, forget] = useDraft("application", {
    name: "",
    purpose: "",
    environment,
    owner_id: "",
    backup_owner_id: "",
  });
  const [checked, setChecked] = useState(false);

  useEffect(() => {
    if (self && draft.owner_id === "") change({ owner_id: self.person.id });
  });

  const command = useCommand({
    key: "application.register",
    run: (input: typeof draft, id) => post<{ id: string }>("/api/registry/v1/applications", input, id),
    refresh: ["applications"],
    onDone: ({ id }, input) => {
      forget();
      setEnvironment(input.environment);
      toast(`${input.name} is registered`);
      void navigate({ to: "/applications/$id", params: { id } });
    },
  });

  const missing: Record<string, string> = {};
  if (!draft.name.trim()) missing.name = "Say what it is called.";
  if (draft.purpose.trim().length < 10) missing.purpose = "Say in a sentence what it does.";
  if (!draft.owner_id) missing.owner_id = "Name the person who answers for it.";
  if (!draft.backup_owner_id) missing.backup_owner_id = "Name a second person.";
  else if (draft.backup_owner_id === draft.owner_id)
    missing.backup_owner_id = "The backup owner must be another person.";
  const error = (name: string) => command.problem?.field(name) ?? (checked ? missing[name] : undefined);

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    setChecked(true);
    const first = Object.keys(missing)[0];
    if (first) event.currentTarget.querySelector<HTMLElement>(`[name=${first}]`)?.focus();
    else command.run(draft);
  }

  return (
    <>
      <PageHeader
        crumbs={[{ text: "Applications", to: "/applications" }]}
        title="Register an application"
        facts="Credentials come later: first an application, then an approved request."
      />
      <form onSubmit={submit} noValidate className="max-w-xl space-y-6">
        {command.problem && <ProblemNote problem={command.problem} focus labels={labels} />}
        <Field label="Name" hint="As your colleagues know it, for example Ledger Sync." error={error("name")}>
          {(p) => (
            <Input
              {...p}
              name="name"
              value={draft.name}
              maxLength={80}
              onChange={(e) => change({ name: e.target.value })}
            />
          )}
        </Field>
        <Field label="Purpose" hint="What it does with the API. Reviewers read this." error={error("purpose")}>
          {(p) => (
            <TextArea
              {...p}
              name="purpose"
              rows={3}
              value={draft.purpose}
              maxLength={500}
              onChange={(e) => change({ purpose: e.target.value })}
            />
          )}
        </Field>
        <Choices
          legend="Environment"
          name="environment"
          value={draft.environment}
          onChange={(value) => change({ environment: value })}
          options={[
            { value: "sandbox", title: "Sandbox", text: "Synthetic data, to build and test with." },
            { value: "production", title: "Production", text: "Real data. Your organisation must be verified." },
          ]}
        />
        <fieldset className="space-y-4 rounded-lg border p-4">
          <legend className="px-1 text-sm font-medium">Owners</legend>
          <p className="text-xs text-faint">
            Two people answer for the application. If one leaves, the other is there until a successor is named.
          </p>
          <Field label="Owner" error={error("owner_id")}>
            {(p) => (
              <PersonSelect
                {...p}
                name="owner_id"
                organization={self?.organization.id ?? ""}
                value={draft.owner_id}
                onChange={(id) => change({ owner_id: id })}
              />
            )}
          </Field>
          <Field label="Backup owner" error={error("backup_owner_id")}>
            {(p) => (
              <PersonSelect
                {...p}
                name="backup_owner_id"
                organization={self?.organization.id ?? ""}
                value={draft.backup_owner_id}
                onChange={(id) => change({ backup_owner_id: id })}
                without={[draft.owner_id]}
              />
            )}
          </Field>
        </fieldset>
        <div className="flex gap-2">
          <Button type="submit" tone="primary" busy={command.running}>
            Register application
          </Button>
          <LinkButton to="/applications" tone="quiet">
            Leave
          </LinkButton>
        </div>
      </form>
    </>
  );
}
