import type { RequestInput } from "@/api/queries";
import type { Grant, ProductDetail, Scope } from "@/api/types";
import { plural } from "@/lib/format";
import { Badge, RiskBadge } from "@/ui/badge";
import { Checkbox } from "@/ui/field";
import { SkeletonRows } from "@/ui/states";

const order = ["low", "medium", "high"] as const;
const meaning = {
  low: "Reads little, changes nothing.",
  medium: "Reads more, or changes what can be changed back.",
  high: "Moves money, reads what is confidential, or cannot be undone.",
};

export function ScopesStep({
  draft,
  change,
  of,
  current,
}: {
  draft: RequestInput;
  change(part: Partial<RequestInput>): void;
  of?: ProductDetail;
  current: Grant[];
}) {
  if (!of) {
    return (
      <div className="panel">
        <SkeletonRows label="Loading scopes" />
      </div>
    );
  }
  const granted = new Set(current.flatMap((g) => g.scopes));
  const toggle = (scope: Scope) =>
    change({
      scopes: draft.scopes.includes(scope.name)
        ? draft.scopes.filter((s) => s !== scope.name)
        : [...draft.scopes, scope.name],
    });
  return (
    <div className="space-y-6">
      <p className="text-sm text-soft">
        Take what the application needs today.{" "}
        {draft.scopes.length > 0 && (
          <span className="font-medium text-ink">
            {plural(draft.scopes.length, "scope")} of {of.scopes.length} chosen.
          </span>
        )}{" "}
        More can be asked for at any time.
      </p>
      {order.map((risk) => {
        const scopes = of.scopes.filter((s) => s.risk === risk);
        if (scopes.length === 0) return null;
        return (
          <fieldset key={risk}>
            <legend className="mb-2 flex flex-wrap items-center gap-2 text-sm">
              <RiskBadge risk={risk} /> <span className="text-xs text-faint">{meaning[risk]}</span>
            </legend>
            <div className="panel divide-y">
              {scopes.map((scope) => (
                <label key={scope.name} className="flex cursor-pointer gap-3 px-4 py-3 hover:bg-hover/60">
                  <Checkbox checked={draft.scopes.includes(scope.name)} onChange={() => toggle(scope)} />
                  <span className="min-w-0 flex-1">
                    <span className="flex flex-wrap items-center gap-2">
                      <span className="font-mono text-xs font-medium">{scope.name}</span>
                      {granted.has(scope.name) && <Badge tone="good">Granted now</Badge>}
                    </span>
                    <span className="block text-sm text-soft">{scope.description}</span>
                  </span>
                  <span className="text-xs whitespace-nowrap text-faint max-sm:hidden">
                    {plural(of.operations.filter((o) => o.scopes.includes(scope.name)).length, "operation")}
                  </span>
                </label>
              ))}
            </div>
          </fieldset>
        );
      })}
    </div>
  );
}
