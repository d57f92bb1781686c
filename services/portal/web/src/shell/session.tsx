import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { get } from "@/api/http";
import type { Me } from "@/api/types";
import { idleFor } from "@/lib/active";
import { plural } from "@/lib/format";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";

const warning = 120;

export function signInUrl(): string {
  return `/auth/sign-in?return_to=${encodeURIComponent(location.pathname + location.search)}`;
}

/** Counts down the last two minutes of a session and offers to go on. */
export function SessionWatch({ me, ended }: { me: Me; ended: boolean }) {
  const client = useQueryClient();
  const [left, setLeft] = useState<number>();
  const [busy, setBusy] = useState(false);
  const [dismissed, setDismissed] = useState(false);
  const expires = me.session.expires_at ? new Date(me.session.expires_at).getTime() : Number.POSITIVE_INFINITY;

  useEffect(() => {
    let asked = false;
    const tick = () => {
      const seconds = Math.round((expires - Date.now()) / 1000);
      // Somebody at work prolongs the session by working; only who is away is asked.
      if (seconds <= warning && seconds > 0 && !asked && idleFor() < warning * 1000) {
        asked = true;
        void client.refetchQueries({ queryKey: ["me"] });
        return;
      }
      setLeft(seconds);
    };
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [expires, client]);

  const over = ended || (left !== undefined && left <= 0);
  if (dismissed && over) return null;
  if (!over && (left === undefined || left > warning || Number.isNaN(left))) return null;

  async function stay(): Promise<void> {
    setBusy(true);
    try {
      const next = await get<Me>("/api/identity/v1/me");
      client.setQueryData(["me"], next);
      // A session at its absolute end cannot be prolonged; only a new sign-in helps.
      if (next.session.expires_at === me.session.expires_at) location.assign(signInUrl());
    } catch {
      location.assign(signInUrl());
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog
      open
      guarded
      onOpenChange={() => undefined}
      title={over ? "Your session has ended" : "Your session is about to end"}
      description={
        over
          ? "Sign in again to go on. What you typed in a draft is kept."
          : `It ends in ${plural(left ?? 0, "second")}. What you typed in a draft is kept.`
      }
    >
      <DialogActions>
        {over ? (
          <>
            {/* Something on the page may be the only copy: leaving it must be the person's choice. */}
            <Button tone="quiet" onClick={() => setDismissed(true)}>
              Look at this page
            </Button>
            <Button tone="primary" onClick={() => location.assign(signInUrl())}>
              Sign in again
            </Button>
          </>
        ) : (
          <Button tone="primary" busy={busy} onClick={() => void stay()}>
            Stay signed in
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
