import { usePreference } from "@/lib/preferences";
import { Dialog } from "@/ui/dialog";
import { Checkbox } from "@/ui/field";
import type { NavItem } from "./nav";

function Keys({ keys }: { keys: string }) {
  return (
    <span className="inline-flex gap-1">
      {keys.split(" ").map((key) => (
        <kbd
          key={key}
          className="min-w-5.5 rounded border border-edge bg-surface px-1.5 text-center font-sans text-xs text-soft"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}

export function Help({
  items,
  open,
  onOpenChange,
  reviewer,
}: {
  items: NavItem[];
  open: boolean;
  onOpenChange(open: boolean): void;
  reviewer: boolean;
}) {
  const [on, setOn] = usePreference("shortcuts", "on");
  const groups: [string, [string, string][]][] = [
    [
      "Everywhere",
      [
        ["Ctrl K", "Search and commands"],
        ["/", "Filter this list"],
        ["j k", "Next and previous row"],
        ["Enter", "Open the row"],
        ["?", "This list"],
      ],
    ],
    ["Go to", items.map((item) => [`g ${item.key}`, item.text])],
  ];
  if (reviewer)
    groups.push([
      "On a request",
      [
        ["a", "Approve"],
        ["d", "Deny"],
      ],
    ]);
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keyboard shortcuts">
      <div className="grid gap-6 sm:grid-cols-2">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3 className="label mb-1.5">{title}</h3>
            <dl className="space-y-1.5 text-sm">
              {keys.map(([key, text]) => (
                <div key={key} className="flex items-center justify-between gap-3">
                  <dt>{text}</dt>
                  <dd>
                    <Keys keys={key} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label className="mt-6 flex gap-2 border-t pt-4 text-sm">
        <Checkbox checked={on === "on"} onChange={(event) => setOn(event.target.checked ? "on" : "off")} />
        <span>
          Use single-key shortcuts
          <span className="block text-xs text-faint">Ctrl K works either way.</span>
        </span>
      </label>
    </Dialog>
  );
}
