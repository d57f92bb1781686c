import { useBlocker } from "@tanstack/react-router";
import { Download, ShieldAlert } from "lucide-react";
import { useId, useState } from "react";
import type { Issued } from "@/api/types";
import { Button } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Checkbox } from "@/ui/field";
import { Time } from "@/ui/time";

export interface Guard {
  held: boolean;
  release(): void;
}

/** While held, neither a link, nor back, nor closing the tab leaves this page without being asked. */
export function useGuard(active: boolean): Guard {
  const [released, setReleased] = useState(false);
  const held = active && !released;
  useBlocker({ shouldBlockFn: () => held, enableBeforeUnload: () => held, disabled: !held });
  return { held, release: () => setReleased(true) };
}

function envName(kind: string): string {
  return kind === "client_secret" ? "CLIENT_SECRET" : "API_KEY";
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

interface Props {
  issued: Issued;
  name: string;
  kind: string;
  environment: string;
  guard: Guard;
  close(): void;
}

/** The one time a secret is on a screen. It lives in this component's parent only and is gone with it. */
export function ShowOnce({ issued, name, kind, environment, guard, close }: Props) {
  const [stored, setStored] = useState(false);
  const [tried, setTried] = useState(false);
  const field = useId();
  const secret = issued.secret ?? "";
  const variable = envName(kind);
  const env = `${kind === "client_secret" ? `CLIENT_ID=${issued.id}\n` : ""}${variable}=${secret}\n`;
  const curl =
    kind === "client_secret"
      ? `curl -u "${issued.id}:${secret}" -d grant_type=client_credentials "$ISSUER/oauth2/token"`
      : `curl -H "Authorization: Bearer ${secret}" "$API_URL"`;

  function finish(): void {
    guard.release();
    // The blocker is lifted with the next render; closing waits for it.
    setTimeout(close, 0);
  }

  return (
    <Dialog
      open
      guarded
      onOpenChange={() => setTried(true)}
      title="Store this secret now"
      description={`It is shown once. Nobody, administrators included, can show it again. “${name}” in ${environment}.`}
      wide
    >
      <div className="space-y-4">
        <div>
          <label htmlFor={field} className="label mb-1 block">
            {kind === "client_secret" ? "Client secret" : "API key"}
          </label>
          <input
            id={field}
            readOnly
            value={secret}
            onFocus={(event) => event.currentTarget.select()}
            autoComplete="off"
            spellCheck={false}
            className="h-11 w-full rounded-md border border-edge bg-sunken px-3 font-mono text-sm text-ink"
          />
        </div>
        {kind === "client_secret" && (
          <p className="text-sm text-soft">
            Client id <span className="font-mono text-xs text-ink">{issued.id}</span>
          </p>
        )}
        <div className="flex flex-wrap gap-2">
          <CopyButton text={secret} label="Copy secret" />
          <Button onClick={() => download(`${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}.env`, env)}>
            <Download className="size-4" aria-hidden="true" /> Download .env
          </Button>
          <CopyButton text={curl} label="Copy curl" />
        </div>
        <p className="text-xs text-faint">
          Generation {issued.generation}, ends <Time at={issued.expires_at} />.
        </p>
        <label className="flex gap-2.5 rounded-lg border border-edge p-3 text-sm">
          <Checkbox checked={stored} onChange={(event) => setStored(event.target.checked)} />
          <span>
            <span className="font-medium">I have stored it</span>
            <span className="block text-xs text-soft">
              In a secret store or a vault, not in a chat, a ticket or the code.
            </span>
          </span>
        </label>
        {tried && !stored && (
          <p role="alert" className="flex items-center gap-2 text-sm font-medium text-warn">
            <ShieldAlert className="size-4" aria-hidden="true" /> Store it first: there is no second look.
          </p>
        )}
      </div>
      <DialogActions>
        <Button tone="primary" disabled={!stored} onClick={finish}>
          Close
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** The command may have been carried out, but its secret did not reach this page. */
export function Lost({
  verb,
  unknown,
  guard,
  close,
  again,
  busy,
}: {
  verb: "issued" | "rotated";
  unknown?: boolean;
  guard: Guard;
  close(): void;
  again?(): void;
  busy?: boolean;
}) {
  return (
    <Dialog
      open
      guarded={busy}
      onOpenChange={(next) => {
        if (!next) {
          guard.release();
          setTimeout(close, 0);
        }
      }}
      title={
        unknown
          ? `It is not known whether the credential was ${verb}`
          : `The credential was ${verb}, but its value was not shown`
      }
      description={
        unknown
          ? "The connection broke before the answer came. Asking again is safe: it is carried out once."
          : "A value is shown in the first answer only, and that answer did not arrive here. Rotate the credential now: the unseen value ends, and the new one is shown."
      }
    >
      <DialogActions>
        {again && (
          <Button tone="primary" busy={busy} onClick={again}>
            Ask again
          </Button>
        )}
        <Button
          tone={again ? "quiet" : "primary"}
          disabled={busy}
          onClick={() => {
            guard.release();
            setTimeout(close, 0);
          }}
        >
          {again ? "Leave it" : "Go to the credential and rotate it"}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
