import { Upload } from "lucide-react";
import { useRef, useState } from "react";
import { useCommand } from "@/api/command";
import { call, post } from "@/api/http";
import { Problem } from "@/api/problem";
import type { ProductDetail, Receipt, Version } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { absoluteTime, plural } from "@/lib/format";
import { StateBadge } from "@/ui/badge";
import { Button, GuardedButton } from "@/ui/button";
import { Empty, ProblemNote } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { toast } from "@/ui/toast";

const refresh = ["products", "versions", "records"];

/** Contracts of a product: what was handed in, what is published, and for its owners the way to hand in the next one. */
export function Versions({ of, own }: { of: ProductDetail; own: boolean }) {
  return (
    <div className="space-y-4">
      {own && <Submit of={of} />}
      <div className="panel overflow-hidden">
        {of.versions.length === 0 ? (
          <Empty title="No versions">A version is a contract that was handed in.</Empty>
        ) : (
          <Table
            name="versions"
            label="Versions"
            rows={of.versions}
            rowKey={(v) => v.id}
            columns={[
              {
                id: "version",
                header: "Version",
                fixed: true,
                cell: (v) => (
                  <span>
                    <span className="font-mono text-xs font-medium">{v.version}</span>
                    {v.id === of.version_id && <span className="ml-2 text-xs text-faint">shown in the catalogue</span>}
                  </span>
                ),
              },
              { id: "state", header: "State", cell: (v) => <StateBadge state={v.state} /> },
              {
                id: "published",
                header: "Published",
                wide: true,
                cell: (v) =>
                  v.published_at ? <Time at={v.published_at} /> : <span className="text-faint">Not yet</span>,
              },
              {
                id: "sunset",
                header: "Stops",
                wide: true,
                cell: (v) =>
                  v.sunset_at ? (
                    <span title={absoluteTime(new Date(v.sunset_at))}>{v.sunset_at.slice(0, 10)}</span>
                  ) : (
                    <span className="text-faint">No date</span>
                  ),
              },
              ...(own
                ? [
                    {
                      id: "actions",
                      header: "",
                      fixed: true,
                      className: "text-right",
                      cell: (v: Version) => <Next of={of} version={v} />,
                    },
                  ]
                : []),
            ]}
          />
        )}
      </div>
    </div>
  );
}

/** The one step that comes next for a version: publish it, or show the product with it. */
function Next({ of, version }: { of: ProductDetail; version: Version }) {
  const publish = useCommand({
    key: `version.publish:${version.id}`,
    run: (_: null, id) => post<Receipt>(`/api/registry/v1/versions/${version.id}/publish`, {}, id),
    refresh,
    onDone: () => toast(`Version ${version.version} is published`),
  });
  const show = useCommand({
    key: `product.publish:${version.id}`,
    run: (_: null, id) => post<Receipt>(`/api/registry/v1/products/${of.id}/publish`, { version_id: version.id }, id),
    refresh,
    onDone: () => toast(`${of.name} is shown with version ${version.version}`),
  });
  const problem = publish.problem ?? show.problem;
  const shown = of.state === "published" && of.version_id === version.id;
  return (
    <div className="flex flex-col items-end gap-2">
      {version.state === "submitted" && (
        <GuardedButton
          size="sm"
          allowance={allowance(of.allowed, "submit_version")}
          busy={publish.running}
          onClick={() => publish.run(null)}
        >
          Publish version
        </GuardedButton>
      )}
      {version.state === "published" && !shown && (
        <GuardedButton
          size="sm"
          allowance={allowance(of.allowed, "publish")}
          busy={show.running}
          onClick={() => show.run(null)}
        >
          Show to audience
        </GuardedButton>
      )}
      {problem && <ProblemNote problem={problem} focus />}
    </div>
  );
}

interface Submission extends Receipt {
  version: string;
  operations?: unknown[];
  scopes?: unknown[];
}

/** Hands in an OpenAPI document; a refused one is told by line. */
function Submit({ of }: { of: ProductDetail }) {
  const picker = useRef<HTMLInputElement>(null);
  const [name, setName] = useState("");
  const command = useCommand({
    key: `version.submit:${of.id}`,
    run: async (file: { name: string; text: string }, id) => {
      if (file.text.trim() === "") {
        throw new Problem({
          status: 0,
          code: "empty",
          title: "The file is empty.",
          detail: "Choose an OpenAPI document in YAML or JSON.",
        });
      }
      return call<Submission>(`/api/registry/v1/products/${of.id}/versions`, {
        method: "POST",
        query: { file: file.name },
        raw: { text: file.text, type: /^\s*\{/.test(file.text) ? "application/json" : "application/yaml" },
        idempotencyKey: id,
      });
    },
    refresh,
    onDone: (s) =>
      toast(
        `Version ${s.version} is handed in`,
        `${plural(s.operations?.length ?? 0, "operation")}, ${plural(s.scopes?.length ?? 0, "scope")}`,
      ),
  });
  const may = allowance(of.allowed, "submit_version");
  return (
    <div className="panel p-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div>
          <h2 className="text-sm font-semibold">Hand in a contract</h2>
          <p className="text-sm text-soft">
            An OpenAPI 3.0 or 3.1 document. It is checked at once, and nobody outside sees it until it is published.
          </p>
        </div>
        <input
          ref={picker}
          type="file"
          accept=".yaml,.yml,.json,application/yaml,application/json"
          aria-label="OpenAPI document"
          className="sr-only"
          tabIndex={-1}
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (!file) return;
            setName(file.name);
            void file.text().then((text) => command.run({ name: file.name, text }));
          }}
        />
        <GuardedButton allowance={may} busy={command.running} onClick={() => picker.current?.click()}>
          <Upload className="size-4" aria-hidden="true" /> Choose a file
        </GuardedButton>
      </div>
      {command.problem && (
        <div className="mt-3">
          <ProblemNote problem={command.problem} focus />
          {command.problem.unknownOutcome && (
            <Button size="sm" className="mt-2" onClick={command.again}>
              Send {name} again
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
