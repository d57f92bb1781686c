import type { RequestInput } from "@/api/queries";
import type { Application, Grant, ProductDetail } from "@/api/types";
import { EnvironmentBadge, RiskBadge } from "@/ui/badge";
import { Named } from "@/ui/named";
import { Facts, Section } from "@/ui/page";

export function ReviewStep({
  draft,
  application,
  of,
  current,
}: {
  draft: RequestInput;
  application?: Application;
  of?: ProductDetail;
  current: Grant[];
}) {
  const granted = new Set(current.flatMap((g) => g.scopes));
  const until = new Date(Date.now() + draft.duration_days * 86_400_000);
  return (
    <div className="space-y-8">
      <Section
        title="What changes"
        aside={current.length > 0 ? "against what is granted now" : "nothing is granted now"}
      >
        <ul className="panel divide-y">
          {draft.scopes.map((name) => {
            const scope = of?.scopes.find((s) => s.name === name);
            return (
              <li key={name} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 text-sm">
                <span className={granted.has(name) ? "w-14 text-xs text-faint" : "w-14 text-xs font-medium text-good"}>
                  {granted.has(name) ? "Stays" : "+ New"}
                </span>
                <span className="font-mono text-xs font-medium">{name}</span>
                <span className="min-w-40 flex-1 text-soft">{scope?.description}</span>
                {scope && <RiskBadge risk={scope.risk} />}
              </li>
            );
          })}
        </ul>
      </Section>
      <Section title="The request">
        <div className="panel px-4 py-3">
          <Facts
            items={[
              ["Application", application?.name],
              ["Environment", <EnvironmentBadge key="e" of={application?.environment ?? "sandbox"} />],
              ["Product", of?.name],
              [
                "Ends",
                `${until.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })}, after ${draft.duration_days} days`,
              ],
              ["Owner", <Named key="o" id={application?.owner_id} />],
              ["Backup owner", <Named key="b" id={application?.backup_owner_id} />],
            ]}
          />
        </div>
      </Section>
      <Section title="Justification">
        <p className="panel px-4 py-3 text-sm whitespace-pre-wrap">{draft.justification}</p>
      </Section>
    </div>
  );
}
