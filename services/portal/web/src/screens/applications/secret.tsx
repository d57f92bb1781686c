import type { Issued } from "@/api/types";
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
