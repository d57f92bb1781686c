import type { RequestInput } from "@/api/queries";
import { Choices, Field, TextArea } from "@/ui/field";

const durations = [7, 30, 90, 180];

export function ReasonStep({
  draft,
  change,
  error,
}: {
  draft: RequestInput;
  change(part: Partial<RequestInput>): void;
  error(name: string): string | undefined;
}) {
  const left = 10 - draft.justification.trim().length;
  return (
    <div className="space-y-6">
      <Field
        label="Justification"
        hint={
          left > 0
            ? "What the application does with it, and for whom. Reviewers decide on this."
            : "Reviewers decide on this. It is kept with the record."
        }
        error={error("justification")}
      >
        {(p) => (
          <TextArea
            {...p}
            rows={5}
            value={draft.justification}
            maxLength={2000}
            placeholder="Nightly reconciliation of our ledger with your account statements."
            onChange={(e) => change({ justification: e.target.value })}
          />
        )}
      </Field>
      <Choices
        legend="For how long"
        name="duration"
        columns="grid-cols-2 sm:grid-cols-4"
        value={String(draft.duration_days)}
        onChange={(value) => change({ duration_days: Number(value) })}
        options={durations.map((days) => ({
          value: String(days),
          title: `${days} days`,
          text: days === 90 ? "Usual" : undefined,
        }))}
      />
      <p className="text-xs text-faint">The access ends by itself on that day. Renewing it is a new request.</p>
    </div>
  );
}
