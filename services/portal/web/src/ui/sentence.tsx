import { Fragment } from "react";
import { useName } from "@/api/names";
import { absoluteTime } from "@/lib/format";

const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const instant = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z";
const special = new RegExp(`(${uuid}|${instant})`);

function Called({ by }: { by: string }) {
  const name = useName(by);
  if (name) return <span title={by}>{name.name}</span>;
  return (
    <span title={by} className="font-mono text-[0.92em] text-soft">
      {by.slice(0, 13)}…
    </span>
  );
}

function At({ time }: { time: string }) {
  const at = new Date(time);
  return (
    <time dateTime={time} title={absoluteTime(at)}>
      {at.toLocaleString("en-GB", {
        day: "numeric",
        month: "short",
        year: "numeric",
        hour: "2-digit",
        minute: "2-digit",
      })}
    </time>
  );
}

/** A record's sentence with people and organisations by name and times as one reads them, since records hold ids only. */
export function Sentence({ text }: { text: string }) {
  return (
    <>
      {text.split(special).map((part, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text never move.
        <Fragment key={i}>
          {i % 2 === 0 ? part : part.includes("T") ? <At time={part} /> : <Called by={part} />}
        </Fragment>
      ))}
    </>
  );
}
