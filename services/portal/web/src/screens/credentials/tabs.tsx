import { useQuery } from "@tanstack/react-query";
import { me } from "@/api/queries";
import { readsCredentials, readsLeaks, readsTrees } from "@/lib/reach";
import { TabLinks } from "@/ui/page";

type Tab = "inventory" | "revocations" | "leaks" | "decisions";

/** The pages about all credentials together. */
export function Tabs({ current }: { current: Tab }) {
  const { data: self } = useQuery(me());
  const tabs: { id: Tab; text: string }[] = [
    ...(self && readsCredentials(self) ? [{ id: "inventory" as const, text: "Inventory" }] : []),
    ...(self && readsTrees(self) ? [{ id: "revocations" as const, text: "Revocations" }] : []),
    ...(self && readsLeaks(self) ? [{ id: "leaks" as const, text: "Leaks" }] : []),
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
