import { Globe, X } from "lucide-react";
import { type FormEvent, useEffect, useId, useState } from "react";
import { useName } from "@/api/names";
import { type AuditField, auditFields, formatQuery, parseQuery } from "@/lib/query";
import { Button, buttonClass } from "@/ui/button";
import { Input, Select } from "@/ui/field";

const ranges: [string, number][] = [
  ["Last hour", 3600],
  ["Last 24 hours", 86400],
  ["Last 7 days", 7 * 86400],
  ["Last 30 days", 30 * 86400],
];

const words: Record<AuditField, string> = {
  type: "Action",
  actor: "Actor",
  subject: "Target",
  organization_id: "Organisation",
  application_id: "Application",
  outcome: "Outcome",
  from: "From",
  to: "Until",
};

interface Props {
  filters: Partial<Record<AuditField, string>>;
  set(change: Partial<Record<AuditField, string | undefined>>): void;
  /** Types to offer while one is being typed. */
  types: string[];
  utc: boolean;
  setUtc(on: boolean): void;
}

/** The query as text and as chips; both are the same filters, and both are in the URL. */
export function FilterBar({ filters, set, types, utc, setUtc }: Props) {
  const formatted = formatQuery(filters);
  const [text, setText] = useState(formatted);
  const [unknown, setUnknown] = useState<string[]>([]);
  const list = useId();
  useEffect(() => setText(formatted), [formatted]);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const parsed = parseQuery(text);
    setUnknown(parsed.unknown);
    if (parsed.unknown.length > 0) return;
    set(Object.fromEntries(auditFields.map((field) => [field, parsed.filters[field]])));
  }

  const last = text.split(/\s+/).at(-1) ?? "";
  const head = text.slice(0, text.length - last.length);
  const offers = last.includes(":")
    ? last.startsWith("type:")
      ? types.map((type) => `type:${type}`)
      : last.startsWith("outcome:")
        ? ["outcome:success", "outcome:failure"]
        : []
    : auditFields.map((field) => `${field}:`);

  return (
    <div className="mb-4 space-y-2">
      <div className="flex flex-wrap gap-2">
        <form onSubmit={submit} className="flex min-w-60 flex-1 gap-2">
          <Input
            type="search"
            aria-label="Query"
            placeholder="type:issuance.* outcome:failure"
            value={text}
            list={list}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => {
              setText(event.target.value);
              setUnknown([]);
            }}
            className="font-mono text-xs"
          />
          <datalist id={list}>
            {offers.map((offer) => (
              <option key={offer} value={head + offer} />
            ))}
          </datalist>
          <Button type="submit">Search</Button>
        </form>
        <div className="w-38">
          <Select
            aria-label="Time range"
            value=""
            onChange={(event) => {
              const seconds = Number(event.target.value);
              set(
                seconds > 0
                  ? { from: new Date(Date.now() - seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z"), to: undefined }
                  : { from: undefined, to: undefined },
              );
            }}
          >
            <option value="">{filters.from ? "Chosen time" : "All time"}</option>
            {filters.from && <option value="0">All time</option>}
            {ranges.map(([name, seconds]) => (
              <option key={name} value={seconds}>
                {name}
              </option>
            ))}
          </Select>
        </div>
        <button type="button" aria-pressed={utc} onClick={() => setUtc(!utc)} className={buttonClass("plain")}>
          <Globe className="size-3.5" aria-hidden="true" /> {utc ? "UTC" : "Local time"}
        </button>
      </div>
      {unknown.length > 0 && (
        <p role="alert" className="text-xs font-medium text-bad">
          Not understood: <span className="font-mono">{unknown.join(" ")}</span>. Write field:value, with a field of{" "}
          {auditFields.join(", ")}.
        </p>
      )}
      {formatted && (
        <ul aria-label="Filters" className="flex flex-wrap gap-1.5">
          {auditFields
            .filter((field) => filters[field])
            .map((field) => (
              <li
                key={field}
                className="inline-flex h-6.5 items-center gap-1 rounded-full bg-accent-wash pr-0.5 pl-2.5 text-xs text-accent"
              >
                <span>
                  {words[field]}: <Value field={field} value={filters[field] ?? ""} />
                </span>
                <button
                  type="button"
                  aria-label={`Remove the filter ${words[field]}`}
                  onClick={() => set({ [field]: undefined })}
                  className="inline-flex size-6 items-center justify-center rounded-full hover:bg-hover"
                >
                  <X className="size-3" aria-hidden="true" />
                </button>
              </li>
            ))}
        </ul>
      )}
    </div>
  );
}

function Value({ field, value }: { field: AuditField; value: string }) {
  const named = field === "actor" || field === "organization_id";
  const name = useName(named ? value : undefined);
  return <span className="font-medium">{name?.name ?? value}</span>;
}
