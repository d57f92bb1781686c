import clsx from "clsx";
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";

interface DialogProps {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
  /** While set, Escape, the backdrop and the cross do nothing. */
  guarded?: boolean;
  /** Somebody tried to leave while it was guarded. */
  onRefused?(): void;
  wide?: boolean;
}

export function Dialog({ open, onOpenChange, title, description, children, guarded, onRefused, wide }: DialogProps) {
  const hold = (event: Event) => {
    if (!guarded) return;
    event.preventDefault();
    onRefused?.();
  };
  return (
    <Radix.Root open={open} onOpenChange={(next) => (next || !guarded) && onOpenChange(next)}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-[rgb(12_11_10/0.45)]" />
        <div className="pointer-events-none fixed inset-0 z-40 flex items-end justify-center p-3 sm:items-center">
          <Radix.Content
            onEscapeKeyDown={hold}
            onPointerDownOutside={hold}
            onInteractOutside={hold}
            {...(description ? {} : { "aria-describedby": undefined })}
            className={clsx(
              "pointer-events-auto relative max-h-[calc(100dvh-24px)] w-full animate-rise overflow-y-auto rounded-xl bg-raised p-5 shadow-float outline-none sm:p-6",
              wide ? "max-w-2xl" : "max-w-lg",
            )}
          >
            <div className="pr-8">
              <Radix.Title className="text-lg font-semibold tracking-tight">{title}</Radix.Title>
              {description && <Radix.Description className="mt-1 text-sm text-soft">{description}</Radix.Description>}
            </div>
            <div className="mt-5">{children}</div>
            {!guarded && (
              <Radix.Close
                aria-label="Close"
                className="absolute top-4 right-4 inline-flex size-7 items-center justify-center rounded-md text-faint hover:bg-hover hover:text-ink"
              >
                <X className="size-4" aria-hidden="true" />
              </Radix.Close>
            )}
          </Radix.Content>
        </div>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="mt-6 flex flex-wrap items-center justify-end gap-2">{children}</div>;
}
