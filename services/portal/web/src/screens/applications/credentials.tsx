import type { UseQueryResult } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import type { AccessRequest, Application, Credential, Grant, Page } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { hintOf } from "@/lib/credentials";
import { plural, sentenceCase } from "@/lib/format";
import { Badge, StateBadge } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { Copy } from "@/ui/copy";
import { Named, ProductName } from "@/ui/named";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Lifetime, Time } from "@/ui/time";
import { Generations } from "./generations";
import { IssueButton } from "./issue";
import { RevokeButton } from "./revoke";
import { RotateButton } from "./rotate";

const ended = ["revoked", "expired"];

interface Props {
  application: Application;
  grants: Grant[];
  pending: AccessRequest[];
  mine: boolean;
  issue(): void;
  list: UseQueryResult<Page<Credential>>;
}

export function Credentials({ application, grants, pending, mine, issue, list }: Props) {
  if (!list.data && list.error)
    return <ProblemNote problem={asProblem(list.error)} onRetry={() => void list.refetch()} />;
  if (!list.data) {
    return (
      <div className="panel">
        <SkeletonRows rows={3} label="Loading credentials" />
      </div>
    );
  }
  const live = list.data.items.filter((c) => !ended.includes(c.state));
  const over = list.data.items.filter((c) => ended.includes(c.state));
  const waiting = pending.filter((r) => ["submitted", "in_review"].includes(r.state));
  return (
    <div className="space-y-4">
      {live.length === 0 && (
        <div className="panel">
          {grants.length > 0 ? (
            <Empty
              icon={<KeyRound className="size-5" aria-hidden="true" />}
              title={`Approved for ${plural(new Set(grants.map((g) => g.product_id)).size, "product")}`}
              action={mine && <IssueButton application={application} grants={grants} open={issue} />}
            >
              {over.length > 0
                ? "Every credential so far has ended. Issue a new one; its value is shown once."
                : "Issue the first credential. Its value is shown once."}
            </Empty>
          ) : (
            <Empty
              icon={<KeyRound className="size-5" aria-hidden="true" />}
              title="No credentials yet"
              action={
                waiting[0] ? (
                  <LinkButton to="/requests/$id" params={{ id: waiting[0].id }}>
                    See the request
                  </LinkButton>
                ) : (
                  mine && (
                    <LinkButton tone="primary" to="/access/new" search={{ application: application.id }}>
                      Request access
                    </LinkButton>
                  )
                )
              }
            >
              {waiting.length > 0
                ? `${plural(waiting.length, "request")} in review. A credential can be issued once access is approved.`
                : "A credential exists only for approved access. Request the scopes this application needs."}
            </Empty>
          )}
        </div>
      )}
      {live.map((c) => (
        <CredentialCard key={c.id} of={c} application={application} />
      ))}
      {over.length > 0 && (
        <details className="panel group">
          <summary className="flex items-center gap-2 rounded-[10px] px-4 py-3 text-sm text-soft select-none hover:text-ink">
            <svg viewBox="0 0 8 8" className="size-2 transition-transform group-open:rotate-90" aria-hidden="true">
              <path d="M2 0l5 4-5 4z" fill="currentColor" />
            </svg>
            {plural(over.length, "ended credential")}
          </summary>
          <ul className="divide-y border-t">
            {over.map((c) => (
              <li key={c.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5 text-sm">
                <span className="min-w-40 flex-1">
                  {c.name} <span className="font-mono text-xs text-faint">{hintOf(c)}••••••••</span>
                </span>
                <StateBadge state={c.state} />
                <span className="text-xs text-faint">
                  {c.reason && <>{sentenceCase(c.reason)}, </>}
                  {c.ended_by && c.state === "revoked" && (
                    <>
                      by <Named id={c.ended_by} />,{" "}
                    </>
                  )}
                  <Time at={c.ended_at ?? c.expires_at} />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function CredentialCard({ of: c, application }: { of: Credential; application: Application }) {
  const masked = `${hintOf(c)}••••••••`;
  return (
    <article aria-label={c.name} className="panel">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3 px-4 pt-4">
        <div className="min-w-0 flex-1 basis-60">
          <h2 className="flex flex-wrap items-center gap-2 font-semibold">
            {c.name} <StateBadge state={c.state} />
            <Badge>{c.kind === "api_key" ? "API key" : "OAuth client"}</Badge>
          </h2>
          <p className="mt-1 flex items-center gap-1 font-mono text-xs text-soft">
            {masked}
            <Copy text={masked} what="masked value" />
          </p>
        </div>
        <div className="flex gap-2">
          <RotateButton of={c} application={application} allowance={allowance(c.allowed, "rotate")} />
          <RevokeButton of={c} allowance={allowance(c.allowed, "revoke")} />
        </div>
      </div>
      <dl className="mt-4 grid grid-cols-2 gap-x-6 gap-y-4 border-t px-4 py-4 text-sm sm:grid-cols-3">
        <div>
          <dt className="label">Lifetime</dt>
          <dd>
            <Lifetime from={c.issued_at} until={c.expires_at} />
          </dd>
        </div>
        <div>
          <dt className="label">Issued</dt>
          <dd>
            <Time at={c.issued_at} /> by <Named id={c.issued_by} />
          </dd>
        </div>
        <div>
          <dt className="label">Access</dt>
          <dd>
            <ProductName id={c.product_id} />
            <p className="font-mono text-xs break-words text-soft">{c.scopes.join(" ")}</p>
          </dd>
        </div>
      </dl>
      {c.generations && c.generations.length > 1 && <Generations of={c} />}
    </article>
  );
}
