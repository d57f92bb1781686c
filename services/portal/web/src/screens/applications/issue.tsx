import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import type { Application, Grant, Issued } from "@/api/types";
import { duration, plural } from "@/lib/format";
import { Button, GuardedButton } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Choices, Field, Select, TextArea, Input as TextInput } from "@/ui/field";
import { useGuard } from "@/ui/show-once";
import { ProblemNote } from "@/ui/states";
import { CertificateRequest } from "./request";
import { IssuedSecret, Unanswered } from "./secret";

interface Input {
  grant_id: string;
  kind: "api_key" | "client_secret" | "client_certificate";
  name: string;
  expires_in_seconds?: number;
  certificate_request?: string;
  redirect_uris?: string[];
  grant_types?: string[];
}

/** What is sent: only what the kind is issued for. */
function sent({ certificate_request, redirect_uris, ...rest }: Input): Input {
  const uris = (redirect_uris ?? []).map((uri) => uri.trim()).filter(Boolean);
  if (rest.kind === "client_certificate") return { ...rest, certificate_request };
  if (rest.kind !== "client_secret" || uris.length === 0) return rest;
  return { ...rest, redirect_uris: uris, grant_types: ["client_credentials", "authorization_code", "refresh_token"] };
}

const day = 86400;
const lifetimes = [3600, day, 7 * day, 30 * day, 90 * day];

export const issueKey = (applicationId: string) => `credential.issue:${applicationId}`;

/** Opens the dialog that its page holds: the page outlives the refresh that follows, the button may not. */
export function IssueButton({
  application,
  grants,
  open,
}: {
  application: Application;
  grants: Grant[];
  open(): void;
}) {
  const reason =
    application.state !== "active"
      ? `The application is ${application.state}.`
      : grants.length === 0
        ? "Nothing is approved yet. Request access first; a credential can be issued once the request is approved."
        : undefined;
  return (
    <GuardedButton tone="primary" allowance={{ allowed: !reason, reason }} onClick={open}>
      <KeyRound className="size-4" aria-hidden="true" /> Issue credential
    </GuardedButton>
  );
}

export function IssueDialog({
  application,
  grants,
  close,
}: {
  application: Application;
  grants: Grant[];
  close(): void;
}) {
  const commandKey = issueKey(application.id);
  const kept = interrupted(commandKey)?.input as Input | undefined;
  const [chosen, setInput] = useState<Input>(
    kept ?? { grant_id: "", kind: "api_key", name: "", expires_in_seconds: undefined },
  );
  const input = { ...chosen, grant_id: chosen.grant_id || (grants[0]?.id ?? "") };
  const [checked, setChecked] = useState(false);
  const command = useCommand<Input, Issued>({
    key: commandKey,
    run: (value, id) => post<Issued>("/api/issuance/v1/credentials", value, id),
    refresh: ["credentials", "records"],
  });
  const grant = grants.find((g) => g.id === input.grant_id);
  const guard = useGuard(command.running || command.output !== undefined);
  const error = (name: string) =>
    command.problem?.field(name) ??
    (checked && name === "name" && !input.name.trim() ? "Name it after where it will be used." : undefined) ??
    (checked && name === "certificate_request" && !input.certificate_request?.trim()
      ? "Paste the request that your key signed."
      : undefined);

  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    const asked = input.kind !== "client_certificate" || input.certificate_request?.trim();
    if (input.name.trim() && input.grant_id && asked) command.run(sent(input));
  }

  if (command.output) {
    return (
      <IssuedSecret
        issued={command.output}
        name={input.name}
        kind={input.kind}
        environment={application.environment}
        verb="issued"
        guard={guard}
        close={close}
      />
    );
  }
  if (command.problem?.unknownOutcome) {
    return <Unanswered verb="issued" guard={guard} close={close} again={command.again} busy={command.running} />;
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title="Issue a credential"
      description={`For ${application.name} in ${application.environment}. Its value is shown once.`}
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field
          label="Access"
          hint={grant && <span className="font-mono">{grant.scopes.join(" ")}</span>}
          error={error("grant_id")}
        >
          {(p) => (
            <Select {...p} value={input.grant_id} onChange={(e) => setInput({ ...input, grant_id: e.target.value })}>
              {grants.map((g) => (
                <option key={g.id} value={g.id}>
                  {g.product_name} ({plural(g.scopes.length, "scope")})
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Name" hint="Where it will be used, for example nightly job eu-1." error={error("name")}>
          {(p) => (
            <TextInput
              {...p}
              value={input.name}
              maxLength={80}
              onChange={(e) => setInput({ ...input, name: e.target.value })}
              autoComplete="off"
            />
          )}
        </Field>
        <Choices
          legend="Kind"
          name="kind"
          value={input.kind}
          onChange={(kind) => setInput({ ...input, kind })}
          options={[
            { value: "api_key", title: "API key", text: "Sent with each call." },
            { value: "client_secret", title: "OAuth client", text: "Exchanged for short-lived tokens." },
            {
              value: "client_certificate",
              title: "Client certificate",
              text: "For a key that never leaves you.",
            },
          ]}
        />
        {input.kind === "client_certificate" && (
          <CertificateRequest
            value={input.certificate_request ?? ""}
            onChange={(certificate_request) => setInput({ ...input, certificate_request })}
            error={error("certificate_request")}
          />
        )}
        {input.kind === "client_secret" && (
          <Field
            label="Addresses people are sent back to"
            hint="One a line, compared exactly. Leave empty for a client that acts for itself alone."
            error={error("redirect_uris")}
          >
            {(p) => (
              <TextArea
                {...p}
                rows={2}
                spellCheck={false}
                className="font-mono text-xs"
                value={(input.redirect_uris ?? []).join("\n")}
                onChange={(e) => setInput({ ...input, redirect_uris: e.target.value.split("\n") })}
              />
            )}
          </Field>
        )}
        <Field
          label="Lifetime"
          hint={grant && `The access itself ends on ${grant.until.slice(0, 10)}.`}
          error={error("expires_in_seconds")}
        >
          {(p) => (
            <Select
              {...p}
              value={input.expires_in_seconds ?? ""}
              onChange={(e) =>
                setInput({ ...input, expires_in_seconds: e.target.value ? Number(e.target.value) : undefined })
              }
            >
              <option value="">As policy sets it, at most 30 days</option>
              {lifetimes.map((seconds) => (
                <option key={seconds} value={seconds}>
                  {duration(seconds)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close} disabled={command.running}>
            Not now
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            {command.confirming ? "Confirming it is you" : command.running ? "Issuing" : "Issue and show once"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
