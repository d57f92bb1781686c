import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { buttonClass } from "./button";

export function useCopy(): { copied: boolean; copy(text: string): void } {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  return {
    copied,
    copy: (text) => {
      void navigator.clipboard.writeText(text).then(() => setCopied(true));
    },
  };
}

/** Copies an id, a prefix or a command line; what it copies is named for those who cannot see it. */
export function Copy({ text, what, className = "" }: { text: string; what: string; className?: string }) {
  const { copied, copy } = useCopy();
  return (
    <>
      <button
        type="button"
        aria-label={`Copy ${what}`}
        onClick={(event) => {
          event.stopPropagation();
          event.preventDefault();
          copy(text);
        }}
        className={`inline-flex size-6 shrink-0 items-center justify-center rounded text-faint transition-colors hover:bg-hover hover:text-ink ${className}`}
      >
        {copied ? (
          <Check className="size-3.5 text-good" aria-hidden="true" />
        ) : (
          <CopyIcon className="size-3.5" aria-hidden="true" />
        )}
      </button>
      <span role="status" className="sr-only">
        {copied ? "Copied" : ""}
      </span>
    </>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const { copied, copy } = useCopy();
  return (
    <button type="button" onClick={() => copy(text)} className={buttonClass("plain")}>
      {copied ? (
        <Check className="size-4 text-good" aria-hidden="true" />
      ) : (
        <CopyIcon className="size-4" aria-hidden="true" />
      )}
      <span role="status">{copied ? "Copied" : label}</span>
    </button>
  );
}

/** An id in mono with its copy button. */
export function Id({ id, what = "id", keep = 13 }: { id: string; what?: string; keep?: number }) {
  return (
    <span className="inline-flex items-center gap-0.5 font-mono text-xs text-soft">
      <span title={id}>{id.length > keep + 3 ? `${id.slice(0, keep)}…` : id}</span>
      <Copy text={id} what={what} />
    </span>
  );
}
