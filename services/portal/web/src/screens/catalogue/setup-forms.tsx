import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { organizations } from "@/api/queries";
import { interrupted } from "@/api/resume";
import type { ProductDetail, Receipt } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Checkbox, Choices, Field, TextArea } from "@/ui/field";
import { PersonSelect } from "@/ui/person-select";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";

export interface FormProps {
  of: ProductDetail;
  close(): void;
}

function useProductCommand<I>(of: ProductDetail, action: string, verb: string, done: string, close: () => void) {
  return useCommand({
    key: `product.${action}:${of.id}`,
    run: (input: I, id) => post<Receipt>(`/api/registry/v1/products/${of.id}/${verb}`, input, id),
    refresh: ["products", "versions", "records"],
    onDone: () => {
      toast(done);
      close();
    },
  });
}

type Class = "public" | "partner" | "sensitive";

export function Classify({ of, close }: FormProps) {
  const [value, setValue] = useState<Class>(of.class || "sensitive");
  const [reason, setReason] = useState("");
  const [checked, setChecked] = useState(false);
  const command = useProductCommand<{ class: string; reason: string }>(
    of,
    "classify",
    "classify",
    "The product is classified",
    close,
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (reason.trim()) command.run({ class: value, reason: reason.trim() });
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`Classify ${of.name}`}
      description="The class decides who must review requests and how long a credential may live."
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Choices<Class>
          legend="Class"
          name="class"
          value={value}
          onChange={(next) => setValue(next)}
          columns="sm:grid-cols-3"
          options={[
            { value: "public", title: "Public", text: "Known to everyone anyway." },
            { value: "partner", title: "Partner", text: "For partners under contract." },
            { value: "sensitive", title: "Sensitive", text: "Money or personal data." },
          ]}
        />
        <Field
          label="Reason"
          error={command.problem?.field("reason") ?? (checked && !reason.trim() ? "Say why." : undefined)}
        >
          {(p) => (
            <TextArea {...p} rows={2} value={reason} maxLength={500} onChange={(e) => setReason(e.target.value)} />
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Leave it as it is
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            Classify as {value}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

type AudienceName = "internal" | "partner" | "public";

export function Audience({ of, close }: FormProps) {
  const kept = interrupted(`product.set_audience:${of.id}`)?.input as
    | { audience: AudienceName; organization_ids?: string[] }
    | undefined;
  const [audience, setAudience] = useState<AudienceName>(kept?.audience ?? (of.audience || "partner"));
  const [chosen, setChosen] = useState<string[]>(kept?.organization_ids ?? of.audience_organization_ids ?? []);
  const partners = useQuery({ ...organizations({ limit: 200 }), enabled: audience === "partner" });
  const command = useProductCommand<{ audience: string; organization_ids?: string[] }>(
    of,
    "set_audience",
    "audience",
    "The audience is set",
    close,
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    command.run({ audience, organization_ids: audience === "partner" && chosen.length > 0 ? chosen : undefined });
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`Who may see ${of.name}`}
      description="Nobody sees it before it is published, whatever is set here."
    >
      <form onSubmit={submit} className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Choices<AudienceName>
          legend="Audience"
          name="audience"
          value={audience}
          onChange={(next) => setAudience(next)}
          columns="sm:grid-cols-3"
          options={[
            { value: "internal", title: "Internal", text: "The provider only." },
            { value: "partner", title: "Partners", text: "Named ones, or all." },
            { value: "public", title: "Public", text: "Every organisation." },
          ]}
        />
        {audience === "partner" && (
          <fieldset>
            <legend className="mb-1.5 text-sm font-medium">Only these partners</legend>
            <div className="max-h-48 divide-y overflow-y-auto rounded-lg border">
              {(partners.data?.items ?? [])
                .filter((o) => o.kind === "partner")
                .map((o) => (
                  <label key={o.id} className="flex gap-2.5 px-3 py-2 text-sm">
                    <Checkbox
                      checked={chosen.includes(o.id)}
                      onChange={(e) =>
                        setChosen(e.target.checked ? [...chosen, o.id] : chosen.filter((id) => id !== o.id))
                      }
                    />
                    {o.name}
                  </label>
                ))}
            </div>
            <p className="mt-1 text-xs text-faint">None ticked means every partner.</p>
          </fieldset>
        )}
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Leave it as it is
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            {command.confirming ? "Confirming it is you" : "Set audience"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

export const seats = ["product_owner", "api_owner", "listing_owner", "reviewer"] as const;
type SeatName = (typeof seats)[number];

export function Seat({ of, close }: FormProps) {
  const kept = interrupted(`product.assign_seat:${of.id}`)?.input as { seat: SeatName; person_id: string } | undefined;
  const [seat, setSeat] = useState<SeatName>(
    kept?.seat ?? seats.find((s) => !of.seats?.[s]?.length) ?? "product_owner",
  );
  const [person, setPerson] = useState(kept?.person_id ?? "");
  const command = useProductCommand<{ seat: string; person_id: string }>(
    of,
    "assign_seat",
    "seats",
    "The seat is filled",
    close,
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (person) command.run({ seat, person_id: person });
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`Fill a seat of ${of.name}`}
      description="All four must be filled before it can be published."
    >
      <form onSubmit={submit} className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Choices<SeatName>
          legend="Seat"
          name="seat"
          value={seat}
          onChange={(next) => setSeat(next)}
          options={seats.map((s) => ({ value: s, title: sentenceCase(s) }))}
        />
        <Field label="Person" error={command.problem?.field("person_id")}>
          {(p) => <PersonSelect {...p} organization={of.organization_id} value={person} onChange={setPerson} />}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Leave it as it is
          </Button>
          <Button type="submit" tone="primary" disabled={!person} busy={command.running}>
            {command.confirming ? "Confirming it is you" : "Fill the seat"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
