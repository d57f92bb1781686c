import clsx from "clsx";
import { ChevronRight, Filter } from "lucide-react";
import type { AuditRecord } from "@/api/types";
import { absoluteTime, clockTime } from "@/lib/format";
import type { AuditField } from "@/lib/query";
import { Badge } from "@/ui/badge";
import { Sentence } from "@/ui/sentence";
import { useTableView } from "@/ui/table";
import { Tip } from "@/ui/tip";
import { Detail } from "./detail";

export interface ListProps {
  rows: AuditRecord[];
  open?: string;
  utc: boolean;
  toggle(position: number): void;
  filter(change: Partial<Record<AuditField, string | undefined>>): void;
}

export function when(time: string, utc: boolean): string {
  return utc
    ? time
        .replace("T", " ")
        .replace(/(\.\d{3})\d*Z$|Z$/, "$1")
        .slice(5)
    : clockTime(new Date(time));
}

/** Records as dense rows; each opens in place. */
export function RecordList({ rows, open, utc, toggle, filter }: ListProps) {
  const { density } = useTableView("audit");
  return (
    <div data-rows className="overflow-x-auto">
      <table className="w-full table-fixed border-collapse text-sm">
        <caption className="sr-only">Audit records, newest first</caption>
        <thead>
          <tr className="border-b text-left text-xs text-faint">
            <th scope="col" className="h-9 w-10 pl-3">
              <span className="sr-only">Open</span>
            </th>
            <th scope="col" className="h-9 w-36 px-2 font-medium max-sm:hidden">
              Time
            </th>
            <th scope="col" className="h-9 px-2 font-medium">
              What happened
            </th>
            <th scope="col" className="h-9 w-64 px-2 font-medium max-lg:hidden">
              Action
            </th>
            <th scope="col" className="h-9 w-20 px-2 pr-4 text-right font-medium max-sm:hidden">
              Position
            </th>
          </tr>
        </thead>
        {rows.map((row) => (
          <Row
            key={row.position}
            of={row}
            open={open === String(row.position)}
            utc={utc}
            compact={density === "compact"}
            toggle={toggle}
            filter={filter}
          />
        ))}
      </table>
    </div>
  );
}

function Row({
  of,
  open,
  utc,
  compact,
  toggle,
  filter,
}: { of: AuditRecord; open: boolean; compact: boolean } & Pick<ListProps, "utc" | "toggle" | "filter">) {
  const failed = of.outcome === "failure";
  const pad = compact ? "py-1" : "py-2";
  return (
    <tbody className={clsx("border-b last:border-0", open && "bg-sunken/60")}>
      <tr className="group hover:bg-hover/60">
        <td className={clsx(pad, "pl-2 align-top")}>
          <button
            type="button"
            data-row-link
            aria-expanded={open}
            aria-label={`Record ${of.position}`}
            onClick={() => toggle(of.position)}
            className="inline-flex size-6 items-center justify-center rounded text-faint hover:bg-hover hover:text-ink"
          >
            <ChevronRight className={clsx("size-4 transition-transform", open && "rotate-90")} aria-hidden="true" />
          </button>
        </td>
        <td
          className={clsx(
            pad,
            "px-2 align-top text-xs leading-6 whitespace-nowrap text-soft tabular-nums max-sm:hidden",
          )}
        >
          <time dateTime={of.time} title={absoluteTime(new Date(of.time))}>
            {when(of.time, utc)}
          </time>
        </td>
        <td className={clsx(pad, "px-2 align-top leading-6 break-words")}>
          {failed && (
            <Badge tone="bad" className="mr-2">
              Failure
            </Badge>
          )}
          <Sentence text={of.sentence} />
          <span className="block text-xs text-faint sm:hidden">{when(of.time, utc)}</span>
        </td>
        <td className={clsx(pad, "px-2 align-top max-lg:hidden")}>
          <span className="inline-flex items-center gap-1">
            <span className="font-mono text-xs leading-6 text-soft">{of.type}</span>
            <Tip text="Only this action">
              <button
                type="button"
                aria-label={`Only ${of.type}`}
                onClick={() => filter({ type: of.type })}
                className="inline-flex size-6 items-center justify-center rounded text-faint opacity-0 group-hover:opacity-100 hover:bg-hover hover:text-ink focus-visible:opacity-100"
              >
                <Filter className="size-3" aria-hidden="true" />
              </button>
            </Tip>
          </span>
        </td>
        <td
          className={clsx(
            pad,
            "px-2 pr-4 text-right align-top font-mono text-xs leading-6 text-faint tabular-nums max-sm:hidden",
          )}
        >
          {of.position}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={5} className="p-0">
            <Detail of={of} utc={utc} filter={filter} />
          </td>
        </tr>
      )}
    </tbody>
  );
}
