import { useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import { application, credentials, grants, me, requests } from "@/api/queries";
import { interrupted } from "@/api/resume";
import { whileSomebodyLooks } from "@/lib/active";
import { readsCredentials } from "@/lib/reach";
import { useTitle } from "@/lib/title";
import { EnvironmentBadge, StateBadge } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { Named } from "@/ui/named";
import { PageHeader, TabLinks } from "@/ui/page";
import { Empty, ErrorPage, SkeletonPage } from "@/ui/states";
import { Access } from "./access";
import { Activity } from "./activity";
import { Credentials } from "./credentials";
import { IssueButton, IssueDialog, issueKey } from "./issue";
import { ApplicationMenu } from "./menu";
import { Owners } from "./owners";

const tabs = ["credentials", "access", "owners", "activity"] as const;
type Tab = (typeof tabs)[number];

export function ApplicationPage() {
  const { id } = useParams({ from: "/applications/$id" });
  const search = useSearch({ from: "/applications/$id" });
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery(application(id));
  const asked = useQuery(requests({ application_id: id }));
  const pending = asked.data?.items ?? [];
  // An approved request becomes a grant a moment later, by policy: until then the grants are asked for again.
  const settling = pending.some((r) => ["approved", "submitted", "in_review"].includes(r.state));
  const granted = useQuery({
    ...grants({ application_id: id }),
    refetchInterval: settling ? whileSomebodyLooks(3_000) : false,
  });
  const reads = !!self && readsCredentials(self);
  const keys = useQuery({ ...credentials({ application_id: id, limit: 200 }), enabled: reads });
  const [issuing, setIssuing] = useState(() => interrupted(issueKey(id)) !== undefined);
  useTitle(data?.name, "Applications");
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="application" id={id} onRetry={() => void refetch()} />;

  const tab: Tab = tabs.find((t) => t === search.tab) ?? "credentials";
  const live = (granted.data?.items ?? []).filter((g) => g.state === "active");
  const mine = self?.organization.kind === "partner";
  return (
    <>
      <PageHeader
        crumbs={[{ text: "Applications", to: "/applications" }]}
        title={data.name}
        facts={
          <>
            <StateBadge state={data.state} />
            <EnvironmentBadge of={data.environment} />
            <Named id={data.organization_id} />
            <span className="max-sm:hidden">
              <span className="text-faint">Owner </span>
              <Named id={data.owner_id} you={data.owner_id === self?.person.id} />
            </span>
          </>
        }
        action={
          <>
            <ApplicationMenu of={data} />
            {mine && (
              <LinkButton to="/access/new" search={{ application: id }}>
                Request access
              </LinkButton>
            )}
            {mine && <IssueButton application={data} grants={live} open={() => setIssuing(true)} />}
          </>
        }
      />
      {data.state === "orphaned" && (
        <div className="mb-5 flex gap-2.5 rounded-lg bg-warn-wash px-4 py-3 text-sm">
          <TriangleAlert className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden="true" />
          <p>
            <span className="font-medium">An owner has left.</span> What is issued goes on working, but nothing new can
            be issued until a successor is named under Owners.
          </p>
        </div>
      )}
      <TabLinks
        label="Application"
        current={tab}
        tabs={[
          { id: "credentials", text: "Credentials", count: keys.data?.items.length },
          { id: "access", text: "Access", count: live.length },
          { id: "owners", text: "Owners" },
          { id: "activity", text: "Activity" },
        ]}
        linkFor={(t) => ({
          to: "/applications/$id",
          params: { id },
          search: { tab: t === "credentials" ? undefined : t },
        })}
      />
      {tab === "credentials" && !reads && (
        <div className="panel">
          <Empty title="Not shown to you">
            Credentials are read by the application’s organisation, auditors and administrators.
          </Empty>
        </div>
      )}
      {tab === "credentials" && reads && (
        <Credentials
          application={data}
          grants={live}
          mine={mine}
          pending={pending}
          issue={() => setIssuing(true)}
          list={keys}
        />
      )}
      {tab === "access" && <Access application={data} grants={granted} pending={pending} mine={mine} />}
      {tab === "owners" && <Owners of={data} />}
      {tab === "activity" && <Activity query={{ application_id: id }} />}
      {issuing && <IssueDialog application={data} grants={live} close={() => setIssuing(false)} />}
    </>
  );
}
