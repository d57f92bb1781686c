import { Fragment } from "react";
import { useName } from "@/api/names";

const id = /([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/g;

function Called({ by }: { by: string }) {
  const name = useName(by);
  if (name) return <span title={by}>{name.name}</span>;
  return (
    <span title={by} className="font-mono text-[0.92em] text-soft">
      {by.slice(0, 13)}…
    </span>
  );
}

/** A record's sentence with people and organisations by name, since records hold ids only. */
export function Sentence({ text }: { text: string }) {
  const parts = text.split(id);
  return (
    <>
      {parts.map((part, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never move.
        <Fragment key={i}>{i % 2 === 1 ? <Called by={part} /> : i === 0 && part === "" ? "" : part}</Fragment>
      ))}
    </>
  );
}
