import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { me, organization } from "@/api/queries";
import { interrupted } from "@/api/resume";
import type { Organization } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { sentenceCase } from "@/lib/format";
import { readsEveryone } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { ActionMenu, type MenuAction } from "@/ui/action-menu";
import { Badge, StateBadge } from "@/ui/badge";
import { GuardedButton, LinkButton } from "@/ui/button";
import { Id } from "@/ui/copy";
import { Facts, PageHeader, Section } from "@/ui/page";
import { ErrorPage, SkeletonPage } from "@/ui/states";
import { Time } from "@/ui/time";
import { Activity } from "../applications/activity";
import { SingleSignOn } from "./sso";
import { VerifyDialog, verifyKey } from "./verify";

const verbs: {
  id: string;
  text: string;
  description: string;
  done: string;
  danger?: boolean;
  when(state: string): boolean;
}[] = [
  {
    id: "suspend",
    text: "Suspend",
    description: "Everything of the organisation stops until it is resumed. Nothing ends.",
    done: "is suspended",
    when: (s) => !["suspended", "closed"].includes(s),
  },
  {
    id: "resume",
    text: "Resume",
    description: "Everything works again.",
    done: "is resumed",
    when: (s) => s === "suspended",
  },
  {
    id: "close",
    text: "Close",
    description: "The relation is over. People, applications, grants and credentials end now and do not come back.",
    done: "is closed",
    danger: true,
    when: (s) => s !== "closed",
  },
];

export function OrganizationPage() {
  const { id } = useParams({ from: "/organizations/$id" });
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery(organization(id));
  const [verifying, setVerifying] = useState(() => interrupted(verifyKey(id)) !== undefined);
  useTitle(data?.name, "Organisations");
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="organisation" id={id} onRetry={() => void refetch()} />;
  const own = self?.organization.id === id;
  const verified = !!data.verified_at;
  const actions: MenuAction[] =
    data.kind === "provider"
      ? []
      : verbs
          .filter((v) => v.when(data.state))
          .map((v) => ({
            key: `organization.${v.id}:${id}`,
            text: `${v.text}…`,
            path: `/api/identity/v1/organizations/${id}/${v.id}`,
            title: `${v.text} ${data.name}`,
            description: v.description,
            button: `${v.text} ${data.name}`,
            done: `${data.name} ${v.done}`,
            danger: v.danger,
            confirm: v.danger ? data.name : undefined,
            refresh: ["organizations", "people", "applications", "grants", "credentials", "records"],
            allowance: allowance(data.allowed, v.id),
          }));
  return (
    <>
      <PageHeader
        crumbs={own && data.kind === "partner" ? undefined : [{ text: "Organisations", to: "/organizations" }]}
        title={data.name}
        facts={
          <>
            <StateBadge state={data.state} />
            <Badge>{sentenceCase(data.kind)}</Badge>
            {verified && data.state !== "verified" && <Badge tone="good">Verified</Badge>}
          </>
        }
        action={
          <>
            <ActionMenu label="Actions on the organisation" actions={actions} />
            {(own || (self && readsEveryone(self))) && (
              <LinkButton to="/people" search={{ organization: id }}>
                People
              </LinkButton>
            )}
            {!verified && data.kind === "partner" && !own && (
              <GuardedButton
                tone="primary"
                allowance={allowance(data.allowed, "verify")}
                onClick={() => setVerifying(true)}
              >
                Verify organisation
              </GuardedButton>
            )}
          </>
        }
      />
      <div className="grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Section title="Activity">
          <Activity query={{ organization_id: id }} />
        </Section>
        <div className="space-y-6">
          <Section title="Facts">
            <div className="panel px-4 py-3">
              <Facts items={factsOf(data)} />
            </div>
          </Section>
          <SingleSignOn of={data} />
        </div>
      </div>
      {verifying && <VerifyDialog of={data} close={() => setVerifying(false)} />}
    </>
  );
}

function factsOf(of: Organization): [string, React.ReactNode][] {
  const items: [string, React.ReactNode][] = [];
  if (of.kind === "partner") {
    items.push(
      ["Contract", of.contract || "None named"],
      ["Contract ends", of.contract_ends_at ? <Time key="c" at={of.contract_ends_at} /> : "No date"],
    );
    items.push(["Verified", of.verified_at ? <Time key="v" at={of.verified_at} /> : "Not yet"]);
    if (of.verification_method) items.push(["Verified by", of.verification_method]);
  }
  if (of.registered_at) items.push(["Registered", <Time key="r" at={of.registered_at} />]);
  items.push(["Organisation id", <Id key="i" id={of.id} what="organisation id" />]);
  return items;
}
