import clsx from "clsx";
import { Columns3, SlidersHorizontal } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { usePreference } from "@/lib/preferences";
import { buttonClass } from "./button";

export interface Column<R> {
  id: string;
  header: string;
  cell(row: R): ReactNode;
  className?: string;
  /** Stays whatever the person hides. */
  fixed?: boolean;
  /** Leaves the table on narrow screens; the row's own page shows it. */
  wide?: boolean;
}

interface TableProps<R> {
  /** Names the table for assistive technology and for remembering its columns. */
  name: string;
  label: string;
  columns: Column<R>[];
  rows: R[];
  rowKey(row: R): string;
  /** Shown under a row, across all columns. */
  below?(row: R): ReactNode;
  faded?(row: R): boolean;
}

export function useTableView(name: string) {
  const [hidden, setHidden] = usePreference(`table.${name}.hidden`, "");
  const [density, setDensity] = usePreference("density", "comfortable");
  return {
    hidden: hidden ? hidden.split(" ") : [],
    setHidden: (ids: string[]) => setHidden(ids.join(" ")),
    density,
    setDensity,
  };
}

/** A list as a real table. j and k move between rows' links; Enter opens, as on any link. */
export function Table<R>({ name, label, columns, rows, rowKey, below, faded }: TableProps<R>) {
  const { hidden, density } = useTableView(name);
  const shown = columns.filter((c) => c.fixed || !hidden.includes(c.id));
  const box = useRef<HTMLDivElement>(null);
  const pad = density === "compact" ? "py-1.5" : "py-2.5";
  return (
    <div ref={box} data-rows className="relative overflow-x-auto">
      <table className="w-full border-collapse text-sm">
        <caption className="sr-only">{label}</caption>
        <thead>
          <tr className="border-b">
            {shown.map((c) => (
              <th
                key={c.id}
                scope="col"
                className={clsx(
                  "h-9 px-3 text-left text-xs font-medium whitespace-nowrap text-faint first:pl-4 last:pr-4",
                  c.wide && "hidden md:table-cell",
                  c.className,
                )}
              >
                {c.header || <span className="sr-only">Actions</span>}
              </th>
            ))}
          </tr>
        </thead>
        {rows.map((row) => {
          const extra = below?.(row);
          return (
            <tbody key={rowKey(row)} className={clsx("border-b last:border-0", faded?.(row) && "text-faint")}>
              <tr className="transition-colors hover:bg-hover/60">
                {shown.map((c) => (
                  <td
                    key={c.id}
                    className={clsx(
                      pad,
                      "px-3 align-middle first:pl-4 last:pr-4",
                      c.wide && "hidden md:table-cell",
                      c.className,
                    )}
                  >
                    {c.cell(row)}
                  </td>
                ))}
              </tr>
              {extra && (
                <tr>
                  <td colSpan={shown.length} className="p-0">
                    {extra}
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

/** Density and columns of one table. */
export function TableView<R>({ name, columns }: { name: string; columns: Column<R>[] }) {
  const view = useTableView(name);
  const optional = columns.filter((c) => !c.fixed && c.header);
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className={buttonClass("plain", "md", "data-[state=open]:bg-hover")}>
        <SlidersHorizontal className="size-3.5" aria-hidden="true" /> View
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={4}
          className="z-50 min-w-48 animate-rise rounded-lg bg-raised p-1 text-sm shadow-float"
        >
          <MenuCheck
            checked={view.density === "compact"}
            onChange={(on) => view.setDensity(on ? "compact" : "comfortable")}
          >
            Compact rows
          </MenuCheck>
          {optional.length > 0 && <DropdownMenu.Separator className="my-1 h-px bg-line" />}
          {optional.map((c) => (
            <MenuCheck
              key={c.id}
              checked={!view.hidden.includes(c.id)}
              onChange={(on) => view.setHidden(on ? view.hidden.filter((h) => h !== c.id) : [...view.hidden, c.id])}
            >
              {c.header}
            </MenuCheck>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function MenuCheck({
  checked,
  onChange,
  children,
}: {
  checked: boolean;
  onChange(on: boolean): void;
  children: ReactNode;
}) {
  return (
    <DropdownMenu.CheckboxItem
      checked={checked}
      onCheckedChange={onChange}
      onSelect={(event) => event.preventDefault()}
      className="flex h-8 items-center gap-2 rounded-md px-2 outline-none select-none data-highlighted:bg-hover"
    >
      <Columns3 className="size-3.5 text-faint" aria-hidden="true" />
      <span className="flex-1">{children}</span>
      <DropdownMenu.ItemIndicator>
        <span aria-hidden="true">✓</span>
      </DropdownMenu.ItemIndicator>
    </DropdownMenu.CheckboxItem>
  );
}
