import { useQueryClient } from "@tanstack/react-query";
import { Download, ShieldAlert, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { proof, record } from "@/api/queries";
import type { AuditRecord, Proof } from "@/api/types";
import { toBase64, toHex } from "@/lib/encoding";
import { plural } from "@/lib/format";
import { type Verification, verifyRecord } from "@/lib/verify";
import { Button } from "@/ui/button";
import { Code } from "@/ui/code";
import { Copy } from "@/ui/copy";
import { asProblem, ProblemNote } from "@/ui/states";

type State =
  | { phase: "idle" | "running" }
  | { phase: "done"; result: Verification; bundle: Proof }
  | { phase: "malformed"; text: string; bundle?: Proof }
  | { phase: "failed"; error: unknown };

function save(name: string, value: unknown): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Proves, in this browser, that the record stands in the tree whose head was signed. */
export function Verify({ of }: { of: AuditRecord }) {
  const client = useQueryClient();
  const [state, setState] = useState<State>({ phase: "idle" });

  async function run(): Promise<void> {
    setState({ phase: "running" });
    let bundle: Proof;
    let raw: string;
    try {
      const [found, answered] = await Promise.all([client.fetchQuery(record(of.position)), proof(of.position)]);
      raw = found.raw;
      bundle = answered;
    } catch (error) {
      setState({ phase: "failed", error });
      return;
    }
    try {
      setState({ phase: "done", result: await verifyRecord(raw, bundle), bundle });
    } catch (error) {
      setState({
        phase: "malformed",
        text: error instanceof Error ? error.message : "the proof cannot be read",
        bundle,
      });
    }
  }

  return (
    <div className="space-y-4 text-sm">
      <p className="max-w-prose text-soft">
        The record’s bytes are hashed, and the hash is combined with its neighbours’, step by step, up to the root of
        the tree. The root must equal the one in the signed checkpoint. The hashing is done here, not by the server.
      </p>
      <Button tone="primary" busy={state.phase === "running"} onClick={() => void run()}>
        Verify record {of.position}
      </Button>
      <div role="status">
        {state.phase === "done" && state.result.included && state.result.signature && (
          <Good of={of} result={state.result} bundle={state.bundle} />
        )}
        {state.phase === "done" && (!state.result.included || !state.result.signature) && (
          <Bad
            what={
              state.result.included
                ? "The checkpoint’s signature is not good."
                : "The record does not lead to the signed root."
            }
            expected={toBase64(state.result.checkpoint.root)}
            found={state.result.included ? "a signature by another key" : toBase64(state.result.computed)}
          />
        )}
        {state.phase === "malformed" && <Bad what={`The proof cannot be followed: ${state.text}.`} />}
      </div>
      {state.phase === "failed" && <ProblemNote problem={asProblem(state.error)} onRetry={() => void run()} />}
    </div>
  );
}

function Good({ of, result, bundle }: { of: AuditRecord; result: Verification; bundle: Proof }) {
  const line = `chancery verify --proof record-${of.position}.proof.json`;
  return (
    <div className="space-y-4">
      <p className="flex items-start gap-2.5 rounded-lg bg-good-wash px-4 py-3">
        <ShieldCheck className="mt-0.5 size-5 shrink-0 text-good" aria-hidden="true" />
        <span>
          <span className="font-semibold text-good">Included.</span> Leaf {result.leafIndex.toLocaleString("en")} of a
          tree of {plural(result.checkpoint.size, "record")}, signed by {result.keys.join(" and ")}; the signature is
          good.
        </span>
      </p>
      <details className="rounded-lg border">
        <summary className="px-4 py-2 font-medium select-none">
          {plural(result.steps.length, "step")} from leaf to root
        </summary>
        <ol className="space-y-1 overflow-x-auto border-t px-4 py-3 font-mono text-2xs leading-5 whitespace-nowrap">
          <li>
            <span className="text-faint">leaf&nbsp;&nbsp;&nbsp;</span>
            {toHex(result.leaf)}
          </li>
          {result.steps.map((step) => (
            <li key={toHex(step.result)}>
              <span className="text-faint">{step.side === "left" ? "left  + " : "right + "}</span>
              {toHex(step.sibling).slice(0, 16)}… <span className="text-faint">=</span> {toHex(step.result)}
            </li>
          ))}
          <li className="text-good">
            <span>root&nbsp;&nbsp;&nbsp;</span>
            {toHex(result.checkpoint.root)}
          </li>
        </ol>
      </details>
      <details className="rounded-lg border">
        <summary className="px-4 py-2 font-medium select-none">Signed checkpoint</summary>
        <Code text={bundle.checkpoint} label="Signed checkpoint" className="border-t px-4 py-3" />
      </details>
      <div className="flex flex-wrap items-center gap-2">
        <Button
          size="sm"
          onClick={() => save(`record-${of.position}.proof.json`, { position: of.position, ...bundle })}
        >
          <Download className="size-3.5" aria-hidden="true" /> Download the proof
        </Button>
        <span className="inline-flex min-w-0 items-center gap-1 text-xs text-faint">
          Offline: <code className="truncate font-mono text-soft">{line}</code>
          <Copy text={line} what="command line" />
        </span>
      </div>
    </div>
  );
}

function Bad({ what, expected, found }: { what: string; expected?: string; found?: string }) {
  return (
    <div role="alert" className="flex items-start gap-2.5 rounded-lg border-2 border-bad bg-bad-wash px-4 py-3">
      <ShieldAlert className="mt-0.5 size-5 shrink-0 text-bad" aria-hidden="true" />
      <div className="min-w-0">
        <p className="font-semibold text-bad">Not verified. {what}</p>
        {expected && (
          <dl className="mt-2 space-y-1 text-xs">
            <div>
              <dt className="text-soft">Expected root</dt>
              <dd className="font-mono break-all">{expected}</dd>
            </div>
            <div>
              <dt className="text-soft">Found</dt>
              <dd className="font-mono break-all">{found}</dd>
            </div>
          </dl>
        )}
        <p className="mt-2 text-ink">
          Keep this page, stop relying on the log, and tell the platform administrator at once.
        </p>
      </div>
    </div>
  );
}
