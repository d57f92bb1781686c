// A command that was interrupted to confirm who is asking, kept over the round trip to the sign-in pages.

export interface Interrupted {
  key: string;
  input: unknown;
  idempotencyKey: string;
  at: number;
}

const slot = "chancery.interrupted";
const patience = 10 * 60_000;

let held: Interrupted | undefined = restore();

function restore(): Interrupted | undefined {
  try {
    const text = sessionStorage.getItem(slot);
    sessionStorage.removeItem(slot);
    if (!text) return undefined;
    const kept = JSON.parse(text) as Interrupted;
    return Date.now() - kept.at < patience ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Leaves for the step-up page; the page comes back to this address and the command goes on. */
export function interrupt(command: Omit<Interrupted, "at">, stepUpUrl: string | undefined): void {
  sessionStorage.setItem(slot, JSON.stringify({ ...command, at: Date.now() }));
  const url = new URL(stepUpUrl ?? "/auth/step-up", location.origin);
  // Only a page of this origin may be gone to, whatever the answer said.
  if (url.origin !== location.origin) throw new Error("the step-up page is on another origin");
  url.searchParams.set("return_to", location.pathname + location.search);
  // Replaced, so that Back does not lead to the page of an interrupted command.
  location.replace(url.pathname + url.search);
}

/** The interrupted command of this key, if there is one; it stays until taken. */
export function interrupted(key: string): Interrupted | undefined {
  return held?.key === key ? held : undefined;
}

export function takeInterrupted(key: string): Interrupted | undefined {
  const found = interrupted(key);
  if (found) held = undefined;
  return found;
}
