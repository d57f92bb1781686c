import { CircleCheck, TriangleAlert, X } from "lucide-react";
import { Toast } from "radix-ui";
import { useSyncExternalStore } from "react";

// Short notes on what was done. Anything that must not be missed is said on the page instead.

interface Note {
  id: number;
  title: string;
  text?: string;
  tone: "good" | "bad";
}

let notes: Note[] = [];
let count = 0;
const listeners = new Set<() => void>();

function set(next: Note[]): void {
  notes = next;
  for (const listener of listeners) listener();
}

export function toast(title: string, text?: string, tone: Note["tone"] = "good"): void {
  count += 1;
  set([...notes.slice(-2), { id: count, title, text, tone }]);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notes,
  );
  return (
    <Toast.Provider duration={5000} swipeDirection="right" label="Note">
      {shown.map((note) => (
        <Toast.Root
          key={note.id}
          onOpenChange={(open) => !open && set(notes.filter((n) => n.id !== note.id))}
          className="flex animate-rise items-start gap-2.5 rounded-lg bg-raised p-3 pr-2 shadow-float"
        >
          {note.tone === "good" ? (
            <CircleCheck className="mt-0.5 size-4 shrink-0 text-good" aria-hidden="true" />
          ) : (
            <TriangleAlert className="mt-0.5 size-4 shrink-0 text-bad" aria-hidden="true" />
          )}
          <div className="min-w-0 flex-1">
            <Toast.Title className="text-sm font-medium">{note.title}</Toast.Title>
            {note.text && <Toast.Description className="text-xs text-soft">{note.text}</Toast.Description>}
          </div>
          <Toast.Close
            aria-label="Dismiss"
            className="inline-flex size-6 items-center justify-center rounded text-faint hover:bg-hover hover:text-ink"
          >
            <X className="size-3.5" aria-hidden="true" />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2 outline-none" />
    </Toast.Provider>
  );
}
