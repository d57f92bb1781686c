import { CircleCheck, CircleDashed } from "lucide-react";
import { type ReactNode, useState } from "react";
import { interrupted } from "@/api/resume";
import type { ProductDetail } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { sentenceCase } from "@/lib/format";
import { ActionMenu } from "@/ui/action-menu";
import { GuardedButton, LinkButton } from "@/ui/button";
import { Audience, Classify, type FormProps, Seat, seats } from "./setup-forms";

const path = (id: string) => `/api/registry/v1/products/${id}`;
const refresh = ["products", "versions", "records"];

export function ProductMenu({ of }: { of: ProductDetail }) {
  return (
    <ActionMenu
      label="Actions on the product"
      actions={[
        {
          key: `product.withdraw:${of.id}`,
          text: "Withdraw from its audience…",
          path: `${path(of.id)}/withdraw`,
          title: `Withdraw ${of.name}`,
          description:
            "Nobody outside sees it any more, and it is refused at the gateway, until it is published again.",
          button: "Withdraw the product",
          done: `${of.name} is withdrawn`,
          danger: true,
          refresh,
          allowance: allowance(of.allowed, "withdraw"),
        },
        {
          key: `product.retire:${of.id}`,
          text: "Retire…",
          path: `${path(of.id)}/retire`,
          title: `Retire ${of.name}`,
          description: "It ends for good, for everyone who uses it.",
          button: "Retire the product",
          done: `${of.name} is retired`,
          danger: true,
          confirm: of.name,
          refresh,
          allowance: allowance(of.allowed, "retire"),
        },
      ]}
    />
  );
}

/** Opens its form, and again after the step-up that interrupted it. */
function Opener(props: { of: ProductDetail; action: string; text: string; form(p: FormProps): ReactNode }) {
  const [open, setOpen] = useState(() => interrupted(`product.${props.action}:${props.of.id}`) !== undefined);
  return (
    <>
      <GuardedButton size="sm" allowance={allowance(props.of.allowed, props.action)} onClick={() => setOpen(true)}>
        {props.text}
      </GuardedButton>
      {open && props.form({ of: props.of, close: () => setOpen(false) })}
    </>
  );
}

/** What stands between a draft and its audience, each step with the way to take it. */
export function Setup({ of }: { of: ProductDetail }) {
  const filled = seats.filter((seat) => (of.seats?.[seat]?.length ?? 0) > 0).length;
  const usable = of.versions.some((v) => v.state === "published" || v.state === "deprecated");
  const steps: { done: boolean; text: string; found: string; action: ReactNode }[] = [
    {
      done: of.class !== "",
      text: "Classified",
      found: of.class ? sentenceCase(of.class) : "Nobody has said what data it carries.",
      action: <Opener of={of} action="classify" text="Classify" form={(p) => <Classify {...p} />} />,
    },
    {
      done: of.audience !== "",
      text: "Audience",
      found: of.audience ? sentenceCase(of.audience) : "Nobody has said who may see it.",
      action: <Opener of={of} action="set_audience" text="Set audience" form={(p) => <Audience {...p} />} />,
    },
    {
      done: filled === seats.length,
      text: "Seats",
      found: `${filled} of ${seats.length} filled`,
      action: <Opener of={of} action="assign_seat" text="Fill a seat" form={(p) => <Seat {...p} />} />,
    },
    {
      done: usable,
      text: "Contract",
      found: usable ? `Version ${of.version ?? of.versions[0]?.version} is published` : "No version is published.",
      action: (
        <LinkButton size="sm" to="/catalogue/$id" params={{ id: of.id }} search={{ tab: "versions" }}>
          Versions
        </LinkButton>
      ),
    },
  ];
  return (
    <ul className="panel divide-y">
      {steps.map((step) => (
        <li key={step.text} className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2.5 text-sm">
          {step.done ? (
            <CircleCheck className="size-4 shrink-0 text-good" aria-label="Done" />
          ) : (
            <CircleDashed className="size-4 shrink-0 text-faint" aria-label="Missing" />
          )}
          <span className="w-20 font-medium">{step.text}</span>
          <span className="min-w-32 flex-1 text-soft">{step.found}</span>
          {step.action}
        </li>
      ))}
    </ul>
  );
}
