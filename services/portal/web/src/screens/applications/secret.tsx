import type { Issued } from "@/api/types";
import { Button } from "@/ui/button";
import { Code } from "@/ui/code";
import { CopyButton } from "@/ui/copy";
import { Dialog, DialogActions } from "@/ui/dialog";
import { type Guard, Lost, ShowOnce } from "@/ui/show-once";
import { Time } from "@/ui/time";

interface Props {
  issued: Issued;
  name: string;
  kind: string;
  environment: string;
  verb: "issued" | "rotated";
  guard: Guard;
  close(): void;
}

/** What issuing or rotating answered: the secret, or that it was shown before and is lost. */
export function IssuedSecret({ issued, name, kind, environment, verb, guard, close }: Props) {
  if (issued.certificate) return <Certified issued={issued} name={name} close={close} />;
  if (!issued.secret) {
    return (
      <Lost
        title={`The credential was ${verb}, but its value was not shown`}
        text="A value is shown in the first answer only, and that answer did not arrive here. Rotate the credential now: the unseen value ends, and the new one is shown."
        guard={guard}
        close={close}
      />
    );
  }
  const client = kind === "client_secret";
  return (
    <ShowOnce
      label={client ? "Client secret" : "API key"}
      secret={issued.secret}
      about={
        <>
          “{name}” in {environment}.
        </>
      }
      file={name}
      env={`${client ? `CLIENT_ID=${issued.id}\nCLIENT_SECRET` : "API_KEY"}=${issued.secret}\n`}
      curl={
        client
          ? `curl -u "${issued.id}:${issued.secret}" -d grant_type=client_credentials "${location.origin}/oauth2/token"`
          : `curl -H "Authorization: Bearer ${issued.secret}" "$API_URL"`
      }
      note={
        <>
          {client && (
            <>
              Client id <span className="font-mono text-ink">{issued.id}</span>.{" "}
            </>
          )}
          Generation {issued.generation}, ends <Time at={issued.expires_at} />.
        </>
      }
      guard={guard}
      close={close}
    />
  );
}

/** A certificate is public: it can be had again, and only its own key makes use of it. */
function Certified({ issued, name, close }: { issued: Issued; name: string; close(): void }) {
  return (
    <Dialog
      open
      onOpenChange={(next) => !next && close()}
      title="The certificate is issued"
      description={`“${name}”, for the key that signed the request. Client id ${issued.id}.`}
      wide
    >
      <Code label="Client certificate" text={issued.certificate ?? ""} />
      <p className="mt-3 text-xs text-soft">
        Generation {issued.generation}, ends <Time at={issued.expires_at} />. Its authority is published at{" "}
        <span className="font-mono">{location.origin}/oauth2/authorities</span>.
      </p>
      <DialogActions>
        <CopyButton text={issued.certificate ?? ""} label="Copy certificate" />
        <Button tone="primary" onClick={close}>
          Done
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** No answer came: the command was carried out or not, and asking again tells which. */
export function Unanswered({
  verb,
  guard,
  close,
  again,
  busy,
}: {
  verb: "issued" | "rotated";
  guard: Guard;
  close(): void;
  again(): void;
  busy: boolean;
}) {
  return (
    <Lost
      title={`It is not known whether the credential was ${verb}`}
      text="The connection broke before the answer came. Asking again is safe: it is carried out once."
      guard={guard}
      close={close}
      again={again}
      busy={busy}
    />
  );
}
