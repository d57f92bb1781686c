import { useQuery } from "@tanstack/react-query";
import type { ComponentProps } from "react";
import { useName } from "@/api/names";
import { people } from "@/api/queries";
import type { Person } from "@/api/types";
import { Select } from "./field";

type Props = Omit<ComponentProps<typeof Select>, "onChange" | "value"> & {
  organization: string;
  value: string;
  onChange(id: string): void;
  without?: string[];
};

/** One active person of an organisation. */
export function PersonSelect({ organization, value, onChange, without = [], ...rest }: Props) {
  const { data, isPending } = useQuery({
    ...people({ organization_id: organization, limit: 200 }),
    enabled: organization !== "",
  });
  const choices = (data?.items ?? []).filter((p) => p.state === "active" && !without.includes(p.id));
  return (
    <Select value={value} onChange={(event) => onChange(event.target.value)} disabled={isPending} {...rest}>
      <option value="">
        {isPending ? "Loading people…" : choices.length === 0 ? "Nobody else is here yet" : "Choose a person"}
      </option>
      {choices.map((p) => (
        <PersonOption key={p.id} of={p} />
      ))}
    </Select>
  );
}

function PersonOption({ of }: { of: Person }) {
  const name = useName(of.name ? undefined : of.id);
  const text = of.name ?? name?.name ?? of.id;
  return (
    <option value={of.id}>
      {text}
      {of.email ? ` (${of.email})` : ""}
    </option>
  );
}
