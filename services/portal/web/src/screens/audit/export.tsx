import { Download } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { get } from "@/api/http";
import type { AuditRecord, AuditRecordDetail, Page } from "@/api/types";
import { csv, plural } from "@/lib/format";
import { buttonClass, Spinner } from "@/ui/button";
import { toast } from "@/ui/toast";

const most = 1000;

async function all(filters: Record<string, string>): Promise<AuditRecord[]> {
  const out: AuditRecord[] = [];
  let after: string | undefined;
  do {
    const page: Page<AuditRecord> = await get("/api/audit/v1/records", { ...filters, limit: 200, after });
    out.push(...page.items);
    after = page.next;
  } while (after && out.length < most);
  return out.slice(0, most);
}

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

const item = "rounded-md px-2 py-1.5 outline-none select-none data-highlighted:bg-hover";

/** The current filter as a file: for a spreadsheet, for a program, for a SIEM. */
export function ExportMenu({
  rows,
  filters,
  more,
}: {
  rows: AuditRecord[];
  filters: Record<string, string>;
  more: boolean;
}) {
  const [busy, setBusy] = useState(false);
  async function run(kind: "csv" | "json" | "ocsf"): Promise<void> {
    setBusy(true);
    try {
      const found = more ? await all(filters) : rows;
      if (kind === "csv") {
        const header = [
          "position",
          "time",
          "type",
          "actor",
          "actor_kind",
          "subject_kind",
          "subject",
          "organization",
          "outcome",
          "sentence",
          "id",
        ];
        const lines = found.map((r) => [
          r.position,
          r.time,
          r.type,
          r.actor.id,
          r.actor.kind,
          r.subject.kind,
          r.subject.id,
          r.organization_id,
          r.outcome,
          r.sentence,
          r.id,
        ]);
        save("records.csv", "text/csv", csv(header, lines));
      } else if (kind === "json") {
        save("records.ndjson", "application/x-ndjson", found.map((r) => JSON.stringify(r)).join("\n"));
      } else {
        const details = await Promise.all(
          found.slice(0, 200).map((r) => get<AuditRecordDetail>(`/api/audit/v1/records/${r.position}`)),
        );
        save("records.ocsf.ndjson", "application/x-ndjson", details.map((r) => JSON.stringify(r.ocsf)).join("\n"));
      }
      toast("The export is ready", plural(kind === "ocsf" ? Math.min(found.length, 200) : found.length, "record"));
    } catch {
      toast("The export failed", "Nothing was saved. Try again, or narrow the time.", "bad");
    } finally {
      setBusy(false);
    }
  }
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger
        disabled={busy || rows.length === 0}
        className={buttonClass("plain", "md", "data-[state=open]:bg-hover")}
      >
        {busy ? <Spinner /> : <Download className="size-3.5" aria-hidden="true" />} Export
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={4}
          className="z-50 min-w-44 animate-rise rounded-lg bg-raised p-1 text-sm shadow-float"
        >
          <DropdownMenu.Label className="label px-2 py-1">
            {more ? `Up to ${most.toLocaleString("en")} records` : plural(rows.length, "record")}
          </DropdownMenu.Label>
          <DropdownMenu.Item className={item} onSelect={() => void run("csv")}>
            CSV
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={() => void run("json")}>
            JSON lines
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={() => void run("ocsf")}>
            OCSF, first 200
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
