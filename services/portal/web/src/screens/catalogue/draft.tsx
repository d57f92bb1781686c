import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import type { Receipt } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Field, Input, TextArea } from "@/ui/field";
import { ProblemNote } from "@/ui/states";

/** "Card issuing" becomes "card-issuing". */
function slugOf(name: string): string {
  return name
    .toLowerCase()
    .normalize("NFD")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
}

export function DraftProduct({ close }: { close(): void }) {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string>();
  const [purpose, setPurpose] = useState("");
  const [checked, setChecked] = useState(false);
  const command = useCommand({
    key: "product.draft",
    run: (input: { slug: string; name: string; purpose: string }, id) =>
      post<Receipt>("/api/registry/v1/products", input, id),
    refresh: ["products", "records"],
    onDone: ({ id }) => void navigate({ to: "/catalogue/$id", params: { id }, search: { tab: "versions" } }),
  });
  const input = { name: name.trim(), slug: slug ?? slugOf(name), purpose: purpose.trim() };
  const error = (field: keyof typeof input) =>
    command.problem?.field(field) ?? (checked && !input[field] ? "This is needed." : undefined);
  function submit(event: FormEvent): void {
    event.preventDefault();
    setChecked(true);
    if (input.name && input.slug && input.purpose) command.run(input);
  }
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title="Draft a product"
      description="Nobody outside sees it until it is classified, its seats are filled, and it is published to an audience."
    >
      <form onSubmit={submit} noValidate className="space-y-4">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        <Field label="Name" error={error("name")}>
          {(p) => <Input {...p} value={name} maxLength={100} onChange={(e) => setName(e.target.value)} />}
        </Field>
        <Field label="Slug" hint="Part of addresses; it cannot be changed." error={error("slug")}>
          {(p) => (
            <Input
              {...p}
              className="font-mono"
              value={input.slug}
              maxLength={60}
              spellCheck={false}
              onChange={(e) => setSlug(e.target.value)}
            />
          )}
        </Field>
        <Field label="Purpose" hint="One sentence that a partner understands." error={error("purpose")}>
          {(p) => (
            <TextArea {...p} rows={2} value={purpose} maxLength={2000} onChange={(e) => setPurpose(e.target.value)} />
          )}
        </Field>
        <DialogActions>
          <Button tone="quiet" onClick={close}>
            Not now
          </Button>
          <Button type="submit" tone="primary" busy={command.running}>
            Draft product
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
