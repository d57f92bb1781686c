import { useQuery } from "@tanstack/react-query";
import { me } from "@/api/queries";
import { readsTrees } from "@/lib/reach";
import { TabLinks } from "@/ui/page";

type Tab = "inventory" | "revocations" | "decisions";

/** The pages about all credentials together. */
export function Tabs({ current }: { current: Tab }) {
  const { data: self } = useQuery(me());
  const tabs: { id: Tab; text: string }[] = [
    { id: "inventory", text: "Inventory" },
    ...(self && readsTrees(self) ? [{ id: "revocations" as const, text: "Revocations" }] : []),
    { id: "decisions", text: "Why a call passed or not" },
  ];
  return (
    <TabLinks<Tab>
      label="About credentials"
      current={current}
      tabs={tabs}
      linkFor={(id) => ({ to: id === "inventory" ? "/credentials" : `/${id}` })}
    />
  );
}
