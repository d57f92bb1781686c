import { useBlocker } from "@tanstack/react-router";
import { Download, ShieldAlert } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { Button } from "./button";
import { CopyButton } from "./copy";
import { Dialog, DialogActions } from "./dialog";
import { Checkbox } from "./field";

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

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

interface Props {
  label: string;
  secret: string;
  /** Which secret this is, for a person. */
  about: ReactNode;
  /** Name of the file to download, before it is made safe. */
  file: string;
  env: string;
  curl?: string;
  note: ReactNode;
  guard: Guard;
  close(): void;
}

/** The one time a secret is on a screen. It lives in this component's parent only and is gone with it. */
export function ShowOnce({ label, secret, about, file, env, curl, note, guard, close }: Props) {
  const [stored, setStored] = useState(false);
  const [tried, setTried] = useState(false);
  const field = useId();

  function finish(): void {
    guard.release();
    // The blocker is lifted with the next render; closing waits for it.
    setTimeout(close, 0);
  }

  return (
    <Dialog
      open
      guarded
      wide
      onOpenChange={() => undefined}
      onRefused={() => setTried(true)}
      title="Store this secret now"
      description={<>It is shown once. Nobody, administrators included, can show it again. {about}</>}
    >
      <div className="space-y-4">
        <div>
          <label htmlFor={field} className="label mb-1 block">
            {label}
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
        <div className="flex flex-wrap gap-2">
          <CopyButton text={secret} label="Copy secret" />
          <Button onClick={() => download(`${file.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}.env`, env)}>
            <Download className="size-4" aria-hidden="true" /> Download .env
          </Button>
          {curl && <CopyButton text={curl} label="Copy curl" />}
        </div>
        <p className="text-xs text-faint">{note}</p>
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

interface LostProps {
  title: string;
  text: string;
  guard: Guard;
  close(): void;
  again?(): void;
  busy?: boolean;
}

/** The command may have been carried out, but its secret did not reach this page. */
export function Lost({ title, text, guard, close, again, busy }: LostProps) {
  function leave(): void {
    guard.release();
    setTimeout(close, 0);
  }
  return (
    <Dialog open guarded={busy} onOpenChange={(next) => !next && leave()} title={title} description={text}>
      <DialogActions>
        {again && (
          <Button tone="primary" busy={busy} onClick={again}>
            Ask again
          </Button>
        )}
        <Button tone={again ? "quiet" : "primary"} disabled={busy} onClick={leave}>
          {again ? "Leave it" : "Understood"}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
