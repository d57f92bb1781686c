import clsx from "clsx";

/** Text in mono that may scroll, and can be scrolled by keyboard too. */
export function Code({ text, label, className }: { text: string; label: string; className?: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section tabIndex={0} aria-label={label} className={clsx("overflow-auto", className)}>
      <pre className="font-mono text-xs leading-5">{text}</pre>
    </section>
  );
}
