import { useSyncExternalStore } from "react";

// How many reads wait for the views to reach the last command.
let count = 0;
const listeners = new Set<() => void>();

function change(by: number): void {
  count += by;
  for (const listener of listeners) listener();
}

export const unsettled = () => change(1);
export const settled = () => change(-1);

/** Whether what is on screen is still being brought up to one's own last command. */
export function useSyncing(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => count > 0,
  );
}
