import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { application, grants, me, product, request } from "@/api/queries";
import type { AccessRequestDetail } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { allowance } from "@/lib/allowed";
import { duration } from "@/lib/format";
import { readsApplications, readsCredentials } from "@/lib/reach";
import { seatName } from "@/lib/seats";
import { useTitle } from "@/lib/title";
import { ActionMenu } from "@/ui/action-menu";
import { Badge, ClassBadge, EnvironmentBadge, RiskBadge, StateBadge } from "@/ui/badge";
import { Copy } from "@/ui/copy";
import { Avatar, Named } from "@/ui/named";
import { PageHeader, Section } from "@/ui/page";
import { ErrorPage, SkeletonPage } from "@/ui/states";
import { Time } from "@/ui/time";
import { Checks } from "./checks";
import { Decision } from "./decision";
import { History } from "./history";
import { Progress } from "./progress";
import { Slots } from "./slots";

export function RequestPage() {
  const { id } = useParams({ from: "/requests/$id" });
  const { data: self } = useQuery(me());
  const { data, error, isPending, refetch } = useQuery({
    ...request(id),
    // Until policy has turned an approval into a grant, the page asks again.
    refetchInterval: (query) =>
      query.state.data?.state === "approved" && !query.state.data.grant_id
        ? 2_000
        : ["submitted", "in_review"].includes(query.state.data?.state ?? "")
          ? whileSomebodyLooks(15_000)()
          : false,
  });
  useTitle(
    data && `${data.product_name} for ${data.application_name}`,
    self?.organization.kind === "partner" ? "Requests" : "Reviews",
  );
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="request" id={id} onRetry={() => void refetch()} />;
  const partner = self?.organization.kind === "partner";
  const withdraw = allowance(data.allowed, "withdraw");
  return (
    <>
      <PageHeader
        crumbs={[partner ? { text: "Requests", to: "/requests" } : { text: "Reviews", to: "/reviews" }]}
        title={
          <>
            {data.product_name} for {data.application_name}
          </>
        }
        facts={
          <>
            <StateBadge state={data.state} />
            <ClassBadge of={data.class} />
            <EnvironmentBadge of={data.environment} />
            <span>
              <Named id={data.requester_id} you={data.requester_id === self?.person.id} /> of{" "}
              <Named id={data.organization_id} />, <Time at={data.submitted_at} />
            </span>
          </>
        }
        action={
          withdraw.allowed && (
            <ActionMenu
              label="Actions on the request"
              actions={[
                {
                  key: `request.withdraw:${id}`,
                  text: "Withdraw the request…",
                  path: `/api/approval/v1/requests/${id}/withdraw`,
                  title: "Withdraw the request",
                  description: "Nobody needs to decide on it any more. It can be asked for again.",
                  button: "Withdraw the request",
                  done: "The request is withdrawn",
                  danger: true,
                  refresh: ["requests", "records"],
                  allowance: withdraw,
                },
              ]}
            />
          )
        }
      />
      {self && <Progress of={data} reads={readsCredentials(self)} />}
      <div className="mt-8 grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="min-w-0 space-y-8">
          <Asked of={data} reads={!!self && readsApplications(self)} />
          <Section title="Justification">
            <p className="panel px-4 py-3 whitespace-pre-wrap">
              {data.justification || (
                <span className="text-faint">It cannot be read: its key was destroyed with the person’s data.</span>
              )}
            </p>
          </Section>
          <Section title="History">
            <History of={data} />
          </Section>
        </div>
        <div className="space-y-6 lg:sticky lg:top-8 lg:self-start">
          <Decision of={data} self={self?.person.id} />
          <Seats of={data} />
          <Checks of={data} reads={!!self && readsApplications(self)} />
        </div>
      </div>
    </>
  );
}

function Asked({ of, reads }: { of: AccessRequestDetail; reads: boolean }) {
  const { data } = useQuery({ ...product(of.product_id), retry: false });
  const held = useQuery({ ...grants({ application_id: of.application_id, state: "active" }), retry: false });
  const app = useQuery({ ...application(of.application_id), retry: false, enabled: reads });
  const current = new Set(
    (held.data?.items ?? [])
      .filter((g) => g.product_id === of.product_id && g.state === "active" && g.request_id !== of.id)
      .flatMap((g) => g.scopes),
  );
  return (
    <Section
      title="What is asked for"
      aside={
        <span
          className="inline-flex items-center gap-1"
          title="Every review is bound to this digest of the exact content"
        >
          Content <span className="font-mono">{of.content_digest.slice(0, 12)}</span>
          <Copy text={of.content_digest} what="content digest" />
        </span>
      }
    >
      <div className="panel">
        <ul className="divide-y">
          {of.scopes.map((name) => {
            const scope = data?.scopes.find((s) => s.name === name);
            return (
              <li key={name} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 text-sm">
                {current.has(name) ? <Badge>Stays</Badge> : <Badge tone="good">+ New</Badge>}
                <span className="font-mono text-xs font-medium">{name}</span>
                <span className="min-w-40 flex-1 text-soft">{scope?.description}</span>
                {scope && <RiskBadge risk={scope.risk} />}
              </li>
            );
          })}
        </ul>
        <dl className="grid grid-cols-2 gap-4 border-t px-4 py-3 text-sm sm:grid-cols-3">
          <div>
            <dt className="label">For</dt>
            <dd>{duration(of.content.duration_seconds)}</dd>
          </div>
          <div>
            <dt className="label">Application</dt>
            <dd>
              {reads ? (
                <Link to="/applications/$id" params={{ id: of.application_id }} className="link">
                  {of.application_name}
                </Link>
              ) : (
                of.application_name
              )}
            </dd>
          </div>
          {app.data && (
            <div className="col-span-2 sm:col-span-1">
              <dt className="label">Its purpose</dt>
              <dd className="text-soft">{app.data.purpose}</dd>
            </div>
          )}
        </dl>
      </div>
    </Section>
  );
}

function Seats({ of }: { of: AccessRequestDetail }) {
  return (
    <Section title="Seats" aside={<Slots clauses={of.clauses} size={18} />}>
      <ul className="panel divide-y">
        {of.clauses.length === 0 && <li className="px-4 py-3 text-sm text-soft">Policy decides this request alone.</li>}
        {of.clauses.map((clause) => (
          <li key={clause.seat} className="px-4 py-3 text-sm">
            <p className="flex items-baseline justify-between gap-2">
              <span className="font-medium">{seatName(clause.seat)}</span>
              <span className="text-xs text-faint">
                {clause.reviews?.length ?? 0} of {clause.quorum}
              </span>
            </p>
            {clause.reviews?.map((review) => (
              <div key={review.person_id} className="mt-2 flex items-start gap-2">
                <Avatar id={review.person_id} size={20} />
                <div className="min-w-0">
                  <Named id={review.person_id} />{" "}
                  <StateBadge state={review.verdict === "approve" ? "approved" : "denied"} />
                  {review.comment && <p className="mt-0.5 text-soft">{review.comment}</p>}
                  <p className="text-xs text-faint">
                    <Time at={review.at} />
                  </p>
                </div>
              </div>
            ))}
          </li>
        ))}
      </ul>
      <p className="mt-2 text-xs text-faint">
        Policy <span className="font-mono">{of.policy}</span>
      </p>
    </Section>
  );
}
