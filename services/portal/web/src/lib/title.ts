import { useEffect } from "react";

/** Names the page from the particular to the general: "Ledger Sync, Applications, Chancery". */
export function useTitle(...parts: (string | undefined)[]): void {
  const title = [...parts, "Chancery"].filter(Boolean).join(", ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}
