import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { call, post } from "@/api/http";
import { me } from "@/api/queries";
import { plural } from "@/lib/format";
import { sendsReports } from "@/lib/reach";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Choices, Field, Input, Select, TextArea } from "@/ui/field";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

type Way = "secrets" | "report";
interface Taken {
  id: string;
  received: number;
}

const types: Record<string, string> = {
  gitleaks: "application/json",
  trufflehog: "application/x-ndjson",
  sarif: "application/sarif+json",
};

/** Ends leaked secrets by showing them, or by a scanner's report. What is typed here leaves this page once and is kept nowhere. */
export function HandIn({ close }: { close(): void }) {
  const { data: self } = useQuery(me());
  const reports = self !== undefined && sendsReports(self);
  const [way, setWay] = useState<Way>("secrets");
  const [busy, setBusy] = useState(false);
  return (
    <Dialog
      open
      guarded={busy}
      onOpenChange={(next) => !next && close()}
      title="Hand in a leak"
      description="Every secret of this installation in it ends at once. What is unknown here is not kept."
    >
      <div className="space-y-4">
        {reports && (
          <Choices<Way>
            legend="What you have"
            name="way"
            value={way}
            onChange={setWay}
            options={[
              { value: "secrets", title: "The secrets", text: "Pasted, one a line" },
              { value: "report", title: "A scanner’s report", text: "Gitleaks, TruffleHog or SARIF" },
            ]}
          />
        )}
        {way === "secrets" ? <Secrets close={close} setBusy={setBusy} /> : <Report close={close} setBusy={setBusy} />}
      </div>
    </Dialog>
  );
}

interface Part {
  close(): void;
  setBusy(busy: boolean): void;
}

function thanks(noun: string, taken: Taken): void {
  toast(`${plural(taken.received, noun)} looked at. What was alive is being ended.`);
}

function Secrets({ close, setBusy }: Part) {
  const [text, setText] = useState("");
  const [place, setPlace] = useState("");
  const [checked, setChecked] = useState(false);
  const secrets = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const command = useCommand({
    key: "leak.secrets",
    run: (input: { secrets: string[]; place?: string }, id) => {
      setBusy(true);
      return post<Taken>("/api/issuance/v1/leaks", input, id).finally(() => setBusy(false));
    },
    refresh: ["leaks", "credentials", "revocations", "records"],
    onDone: (taken) => {
      thanks("secret", taken);
      close();
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (secrets.length > 0) command.run({ secrets, place: place.trim() || undefined });
  }
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {command.problem && <ProblemNote problem={command.problem} focus />}
      <Field
        label="Leaked secrets"
        hint="Whole, one a line"
        error={
          command.problem?.field("secrets") ??
          (checked && secrets.length === 0 ? "Paste at least one secret." : undefined)
        }
      >
        {(p) => (
          <TextArea
            {...p}
            rows={4}
            value={text}
            onChange={(e) => setText(e.target.value)}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            className="font-mono text-xs break-all"
          />
        )}
      </Field>
      <Field
        label="Where they were found"
        hint="An address or a file, told to the owners. Optional."
        error={command.problem?.field("place")}
      >
        {(p) => <Input {...p} value={place} maxLength={500} onChange={(e) => setPlace(e.target.value)} />}
      </Field>
      <Actions
        close={close}
        busy={command.running}
        text={secrets.length > 1 ? `End ${secrets.length} secrets` : "End the secret"}
      />
    </form>
  );
}

function Report({ close, setBusy }: Part) {
  const [format, setFormat] = useState("gitleaks");
  const [file, setFile] = useState<File>();
  const [checked, setChecked] = useState(false);
  const command = useCommand({
    key: "leak.report",
    run: async (input: { file: File; format: string }, id) => {
      setBusy(true);
      try {
        return await call<Taken>("/api/issuance/v1/leaks/reports", {
          method: "POST",
          query: { format: input.format },
          raw: { text: await input.file.text(), type: types[input.format] ?? "application/json" },
          idempotencyKey: id,
        });
      } finally {
        setBusy(false);
      }
    },
    refresh: ["leaks", "credentials", "revocations", "records"],
    onDone: (taken) => {
      thanks("finding", taken);
      close();
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (file) command.run({ file, format });
  }
  return (
    <form onSubmit={submit} noValidate className="space-y-4">
      {command.problem && <ProblemNote problem={command.problem} focus />}
      <Field label="Scanner" error={command.problem?.field("format")}>
        {(p) => (
          <Select {...p} value={format} onChange={(e) => setFormat(e.target.value)}>
            <option value="gitleaks">Gitleaks (JSON)</option>
            <option value="trufflehog">TruffleHog (JSON lines)</option>
            <option value="sarif">SARIF 2.1.0</option>
          </Select>
        )}
      </Field>
      <Field
        label="Report"
        hint="With its secrets whole: a redacted report names nothing that could be ended."
        error={checked && !file ? "Choose the file." : undefined}
      >
        {(p) => (
          <Input
            {...p}
            type="file"
            accept=".json,.jsonl,.ndjson,.sarif,application/json"
            onChange={(e) => setFile(e.target.files?.[0])}
            className="py-1.5 text-xs"
          />
        )}
      </Field>
      <Actions close={close} busy={command.running} text="Send the report" />
    </form>
  );
}

function Actions({ close, busy, text }: { close(): void; busy: boolean; text: string }) {
  return (
    <DialogActions>
      <Button tone="quiet" onClick={close} disabled={busy}>
        Not now
      </Button>
      <Button type="submit" tone="danger" busy={busy}>
        {text}
      </Button>
    </DialogActions>
  );
}
