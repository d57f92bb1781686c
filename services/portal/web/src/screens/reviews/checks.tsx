import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CircleDashed, TriangleAlert } from "lucide-react";
import { application, organization, product } from "@/api/queries";
import type { AccessRequestDetail, Application } from "@/api/types";
import { Section } from "@/ui/page";

interface Check {
  text: string;
  passed?: boolean;
  found?: string;
}

/** What the portal can tell by itself, so that a reviewer need not. */
export function Checks({ of, reads }: { of: AccessRequestDetail; reads: boolean }) {
  const app = useQuery({ ...application(of.application_id), retry: false, enabled: reads });
  const org = useQuery({ ...organization(of.organization_id), retry: false });
  const item = useQuery({ ...product(of.product_id), retry: false });
  const scopes = item.data?.scopes.map((s) => s.name);
  const checks: Check[] = [
    ...(reads ? ownership(app.data) : []),
    {
      text: "Organisation is verified",
      passed: org.data && !!org.data.verified_at,
      found: "not verified yet",
    },
    {
      text: "Every scope is in the contract",
      passed: scopes && of.scopes.every((s) => scopes.includes(s)),
      found: "a scope is gone",
    },
    { text: "Ends by itself", passed: of.content.duration_seconds > 0 },
  ];
  const known = checks.filter((c) => c.passed !== undefined);
  return (
    <Section title="Checks" aside={`${known.filter((c) => c.passed).length} of ${checks.length}`}>
      <ul className="panel space-y-2 px-4 py-3 text-sm">
        {checks.map((check) => (
          <li key={check.text} className="flex items-center gap-2">
            {check.passed === undefined ? (
              <CircleDashed className="size-4 shrink-0 text-faint" aria-label="Not known" />
            ) : check.passed ? (
              <CircleCheck className="size-4 shrink-0 text-good" aria-label="Passed" />
            ) : (
              <TriangleAlert className="size-4 shrink-0 text-warn" aria-label="Look at this" />
            )}
            <span>
              {check.text}
              {check.passed === false && check.found && <span className="text-warn">: {check.found}</span>}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function ownership(of: Application | undefined): Check[] {
  return [
    {
      text: "Two different owners",
      passed: of && of.owner_id !== of.backup_owner_id && (of.orphaned_seats ?? []).length === 0,
      found: "an owner has left",
    },
    { text: "Application is active", passed: of && of.state === "active", found: of?.state },
  ];
}
