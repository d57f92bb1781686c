import { useState } from "react";

/** A form's values, kept in this tab so that they survive a new sign-in; cleared when what they were for is done. */
export function useDraft<T extends object>(name: string, empty: T): [T, (change: Partial<T>) => void, () => void] {
  const slot = `chancery.draft.${name}`;
  const [value, setValue] = useState<T>(() => {
    try {
      const kept = sessionStorage.getItem(slot);
      return kept ? { ...empty, ...(JSON.parse(kept) as Partial<T>) } : empty;
    } catch {
      return empty;
    }
  });
  function change(part: Partial<T>): void {
    setValue((old) => {
      const next = { ...old, ...part };
      try {
        sessionStorage.setItem(slot, JSON.stringify(next));
      } catch {
        // Without storage the draft lives as long as the page.
      }
      return next;
    });
  }
  return [
    value,
    change,
    () => {
      sessionStorage.removeItem(slot);
    },
  ];
}
