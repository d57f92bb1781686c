import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { applications, grants, me, requests } from "@/api/queries";
import type { ProductDetail } from "@/api/types";
import { plural } from "@/lib/format";
import { holds } from "@/lib/reach";
import { EnvironmentBadge, StateBadge } from "@/ui/badge";
import { GuardedButton, LinkButton } from "@/ui/button";
import { Time } from "@/ui/time";

/** Beside a product: what one's organisation already has, what is on its way, and the way to ask. */
export function AccessRail({ of }: { of: ProductDetail }) {
  const { data: self } = useQuery(me());
  const partner = self?.organization.kind === "partner";
  const granted = useQuery({ ...grants({ product_id: of.id, state: "active" }), enabled: partner });
  const asked = useQuery({ ...requests({ box: "mine" }), enabled: partner });
  const apps = useQuery({ ...applications({}), enabled: partner });
  if (!self || !partner) return <ProviderRail of={of} />;

  const live = (granted.data?.items ?? []).filter((g) => g.product_id === of.id && g.state === "active");
  const pending = (asked.data?.items ?? []).filter(
    (r) => r.product_id === of.id && ["submitted", "in_review"].includes(r.state),
  );
  const mayAsk = holds(self, "app_owner", "org_admin");
  const reason = !mayAsk
    ? "Only application owners and organisation administrators may request access."
    : of.state !== "published"
      ? "The product is not published."
      : undefined;
  return (
    <aside aria-label="Access" className="space-y-4 lg:sticky lg:top-8 lg:self-start">
      <div className="panel p-4">
        <h2 className="font-semibold">
          {live.length > 0 ? "Your access" : pending.length > 0 ? "Access requested" : "No access yet"}
        </h2>
        {live.length === 0 && pending.length === 0 && (
          <p className="mt-1 text-sm text-soft">
            Ask for the scopes one of your applications needs, for as long as it needs them.
          </p>
        )}
        <ul className="mt-3 space-y-3 empty:hidden">
          {live.map((g) => (
            <li key={g.id} className="text-sm">
              <Link
                to="/applications/$id"
                params={{ id: g.application_id }}
                search={{ tab: "access" }}
                className="link"
              >
                {g.application_name}
              </Link>
              <p className="mt-0.5 font-mono text-xs break-words text-soft">{g.scopes.join(" ")}</p>
              <p className="mt-1 flex flex-wrap items-center gap-2 text-xs text-faint">
                <EnvironmentBadge of={g.environment} />
                <span>
                  ends <Time at={g.until} />
                </span>
              </p>
            </li>
          ))}
          {pending.map((r) => (
            <li key={r.id} className="flex items-center justify-between gap-2 text-sm">
              <Link to="/requests/$id" params={{ id: r.id }} className="link">
                {r.application_name}
              </Link>
              <StateBadge state={r.state} />
            </li>
          ))}
        </ul>
        <div className="mt-4">
          {reason ? (
            <>
              <GuardedButton tone="primary" className="w-full" allowance={{ allowed: false, reason }}>
                Request access
              </GuardedButton>
              <p className="mt-2 text-xs text-faint">{reason}</p>
            </>
          ) : apps.data?.items.length === 0 ? (
            <LinkButton tone="primary" className="w-full" to="/applications/new">
              Register an application first
            </LinkButton>
          ) : (
            <LinkButton tone="primary" className="w-full" to="/access/new" search={{ product: of.id }}>
              Request access
            </LinkButton>
          )}
        </div>
      </div>
      <WhyVisible of={of} partner />
    </aside>
  );
}

function ProviderRail({ of }: { of: ProductDetail }) {
  return (
    <aside aria-label="Visibility" className="lg:sticky lg:top-8 lg:self-start">
      <WhyVisible of={of} />
    </aside>
  );
}

function WhyVisible({ of, partner }: { of: ProductDetail; partner?: boolean }) {
  return (
    <div className="rounded-lg bg-sunken p-4 text-sm">
      <h2 className="text-xs font-medium text-faint">{partner ? "Why you can see this" : "Who can see this"}</h2>
      <p className="mt-1 text-soft">
        {of.state !== "published"
          ? "Only its own people: it is not published."
          : of.audience === "partner"
            ? partner
              ? "Its owner published it to your organisation."
              : of.audience_organization_ids && of.audience_organization_ids.length > 0
                ? `It is published to ${plural(of.audience_organization_ids.length, "partner organisation")} that its owner named.`
                : "It is published to every partner organisation."
            : of.audience === "internal"
              ? "It is published for use inside the provider only."
              : "It is published to everyone."}
      </p>
    </div>
  );
}
