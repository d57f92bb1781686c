import type { Organization } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { Badge } from "@/ui/badge";
import { Facts, Section } from "@/ui/page";

/** How the organisation's people sign in, and which of their groups give which role. */
export function SingleSignOn({ of }: { of: Organization }) {
  const sso = of.single_sign_on;
  return (
    <Section title="Single sign-on">
      <div className="panel px-4 py-3 text-sm">
        {!sso ? (
          <p className="text-soft">Not configured: nobody of this organisation can sign in yet.</p>
        ) : (
          <Facts
            items={[
              [
                "Provider",
                <span key="i" className="font-mono text-xs break-all">
                  {sso.issuer}
                </span>,
              ],
              [
                "Domains",
                <span key="d" className="flex flex-wrap justify-end gap-1">
                  {sso.domains.map((d) => (
                    <Badge key={d}>{d}</Badge>
                  ))}
                </span>,
              ],
              ...Object.entries(sso.group_roles ?? {}).map(([group, role]): [string, string] => [
                `Group ${group}`,
                sentenceCase(role),
              ]),
            ]}
          />
        )}
      </div>
    </Section>
  );
}
