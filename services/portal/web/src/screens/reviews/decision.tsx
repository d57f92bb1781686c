import { type FormEvent, useEffect, useRef, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import type { AccessRequestDetail } from "@/api/types";
import { duration, plural } from "@/lib/format";
import { reviewSeats, seatName } from "@/lib/seats";
import { shortcutsOn, typingIn } from "@/shell/shortcuts";
import { Button } from "@/ui/button";
import { Choices, Field, Select, TextArea } from "@/ui/field";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

interface Input {
  seat: string;
  verdict: "approve" | "deny";
  comment: string;
  content_digest: string;
}

const closed: Record<string, string> = {
  approved: "This request is approved.",
  denied: "This request is denied.",
  withdrawn: "The requester withdrew this request.",
  expired: "This request expired: nobody decided in time.",
};

/** The verdict of one person in one seat on exactly what the page shows; where it is not theirs to give, why. */
export function Decision({ of, self }: { of: AccessRequestDetail; self?: string }) {
  const key = `request.review:${of.id}`;
  const kept = interrupted(key)?.input as Input | undefined;
  const { open, reasons } = reviewSeats(
    of.allowed,
    of.clauses.map((c) => c.seat),
  );
  const [seat, setSeat] = useState(kept?.seat ?? "");
  const [verdict, setVerdict] = useState<Input["verdict"]>(kept?.verdict ?? "approve");
  const [comment, setComment] = useState(kept?.comment ?? "");
  const [checked, setChecked] = useState(false);
  const box = useRef<HTMLFormElement>(null);
  const taken = open.includes(seat) ? seat : (open[0] ?? seat);
  const command = useCommand({
    key,
    run: (input: Input, id) => post(`/api/approval/v1/requests/${of.id}/reviews`, input, id),
    refresh: ["requests", "grants", "records"],
    onDone: (_, input) => toast(input.verdict === "approve" ? "Your approval is recorded" : "The request is denied"),
  });

  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.metaKey || event.ctrlKey || event.altKey || typingIn(event.target) || !shortcutsOn()) return;
      if (event.key !== "a" && event.key !== "d") return;
      setVerdict(event.key === "a" ? "approve" : "deny");
      event.preventDefault();
      box.current?.querySelector("textarea")?.focus();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const over = closed[of.state];
  if (over && !command.running) {
    return (
      <section aria-label="Decision" className="panel p-4">
        <h2 className="font-semibold">Decision</h2>
        <p className="mt-1 text-sm text-soft">{over}</p>
        {of.reason && <p className="mt-2 rounded-md bg-sunken px-3 py-2 text-sm">{of.reason}</p>}
      </section>
    );
  }
  if (open.length === 0 && !command.running && !command.problem) {
    return (
      <section aria-label="Decision" className="panel p-4">
        <h2 className="font-semibold">Decision</h2>
        {of.requester_id === self && <p className="mt-1 text-sm text-soft">You asked for this, so others decide.</p>}
        {(of.requester_id === self ? [] : reasons).map((reason) => (
          <p key={reason} className="mt-1 text-sm text-soft">
            {reason}
          </p>
        ))}
        {reasons.length === 0 && of.requester_id !== self && (
          <p className="mt-1 text-sm text-soft">No seat of this request is yours to take.</p>
        )}
      </section>
    );
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (verdict === "deny" && !comment.trim()) {
      box.current?.querySelector("textarea")?.focus();
      return;
    }
    command.run({ seat: taken, verdict, comment: comment.trim(), content_digest: of.content_digest });
  }

  return (
    <section aria-label="Decision">
      <form ref={box} onSubmit={submit} noValidate className="panel space-y-4 p-4">
        <h2 className="font-semibold">Your decision</h2>
        {command.problem && <ProblemNote problem={command.problem} focus />}
        {open.length > 1 ? (
          <Field label="Seat">
            {(p) => (
              <Select {...p} value={taken} onChange={(e) => setSeat(e.target.value)}>
                {open.map((each) => (
                  <option key={each} value={each}>
                    {seatName(each)}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        ) : (
          taken && <p className="text-sm text-soft">As {seatName(taken).toLowerCase()}</p>
        )}
        <Choices<Input["verdict"]>
          legend="Verdict"
          name="verdict"
          columns="grid-cols-2"
          value={verdict}
          onChange={(value) => setVerdict(value)}
          options={[
            { value: "approve", title: "Approve" },
            { value: "deny", title: "Deny" },
          ]}
        />
        <Field
          label={verdict === "deny" ? "Reason" : "Comment"}
          hint={verdict === "deny" ? "The requester reads it." : "Optional. The requester reads it."}
          error={
            command.problem?.field("comment") ??
            (checked && verdict === "deny" && !comment.trim()
              ? "Say why, so that they can ask for the right thing."
              : undefined)
          }
        >
          {(p) => (
            <TextArea {...p} rows={3} value={comment} maxLength={1000} onChange={(e) => setComment(e.target.value)} />
          )}
        </Field>
        <Button
          type="submit"
          tone={verdict === "deny" ? "danger" : "primary"}
          className="w-full"
          busy={command.running}
        >
          {command.confirming
            ? "Confirming it is you"
            : verdict === "deny"
              ? "Deny the request"
              : `Approve ${plural(of.scopes.length, "scope")} for ${duration(of.content.duration_seconds)}`}
        </Button>
        <p className="text-xs text-faint">
          You will be asked for a second factor. Your verdict is bound to content{" "}
          <span className="font-mono">{of.content_digest.slice(0, 12)}</span>.
        </p>
      </form>
    </section>
  );
}
