import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { grantUsage } from "@/api/queries";
import { interrupted } from "@/api/resume";
import type { Grant, GrantUsage } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { plural } from "@/lib/format";
import { Badge } from "@/ui/badge";
import { Button, GuardedButton } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { type ReasonAction, ReasonDialog, wasInterrupted } from "@/ui/reason-dialog";
import { asProblem, ProblemNote, SkeletonRows } from "@/ui/states";
import { Time } from "@/ui/time";
import { toast } from "@/ui/toast";

const acceptKey = (id: string) => `grant.shrink.accept:${id}`;
const refresh = ["grants", "credentials", "records"];

/** Opens what a grant gives beside what was used of it; a proposal to narrow it is said on the button. */
export function UsageDialog({ of }: { of: Grant }) {
  const answers = actions(of);
  const [open, setOpen] = useState(() => interrupted(acceptKey(of.id)) !== undefined);
  const [asked, setAsked] = useState<ReasonAction | undefined>(() => answers.find((a) => wasInterrupted(a.key)));
  const unused = of.unused_scopes?.length ?? 0;
  return (
    <>
      <Button
        size="sm"
        onClick={() => setOpen(true)}
        aria-label={`Usage of ${of.product_name} by ${of.application_name}`}
      >
        {unused > 0 ? `${unused} not used` : "Usage"}
      </Button>
      {open && (
        <Dialog
          open
          wide
          onOpenChange={setOpen}
          title="Granted and used"
          description={
            <>
              {of.application_name} uses {of.product_name}. Authorizers tell what is used within a minute.
            </>
          }
        >
          <Usage
            id={of.id}
            ask={(name) => {
              setOpen(false);
              setAsked(answers.find((a) => a.key.startsWith(`grant.shrink.${name}:`)));
            }}
          />
        </Dialog>
      )}
      {asked && <ReasonDialog action={asked} close={() => setAsked(undefined)} />}
    </>
  );
}

function actions(of: Grant): ReasonAction[] {
  const path = `/api/approval/v1/grants/${of.id}/shrink`;
  return [
    {
      key: `grant.shrink.dismiss:${of.id}`,
      path: `${path}/dismiss`,
      title: "Keep the grant as it is",
      description: "The proposal goes away, and watching begins anew.",
      button: "Keep every scope",
      done: "The grant stays as it is",
      refresh,
    },
    {
      key: `grant.shrink.undo:${of.id}`,
      path: `${path}/undo`,
      title: "Take the narrowing back",
      description: "The grant gives again what reviewers had approved. Its end stays the same.",
      button: "Take it back",
      done: "The grant gives every scope again",
      refresh,
    },
  ];
}

function Usage({ id, ask }: { id: string; ask(name: "dismiss" | "undo"): void }) {
  const { data, error, isPending, refetch } = useQuery(grantUsage(id));
  if (error && !data) return <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />;
  if (isPending || !data) return <SkeletonRows rows={3} label="Loading usage" />;
  const most = Math.max(1, ...data.scopes.map((s) => s.used?.calls ?? 0));
  return (
    <div className="space-y-5">
      <ul className="divide-y text-sm">
        {data.scopes.map((s) => (
          <li key={s.scope} className="py-2.5 first:pt-0 last:pb-0">
            <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
              <span className="min-w-0 font-mono text-xs break-all">{s.scope}</span>
              {s.used ? (
                <span className="text-xs text-soft tabular-nums">
                  {plural(s.used.calls, "call")}, last <Time at={s.used.last_used_at} />
                </span>
              ) : (
                <Badge tone={data.proposal?.unused_scopes.includes(s.scope) ? "warn" : "neutral"}>Never used</Badge>
              )}
            </div>
            <svg className="mt-1.5 block h-1 w-full" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 4">
              <rect width="100" height="4" className="fill-line" />
              {s.used && <rect width={Math.max(1, (s.used.calls / most) * 100)} height="4" className="fill-accent" />}
            </svg>
            {s.used && s.used.would_deny > 0 && (
              <p className="mt-1 text-xs text-warn">
                {plural(s.used.would_deny, "call")} would have been refused by a proposal
              </p>
            )}
          </li>
        ))}
      </ul>
      {data.proposal && <Proposed id={id} usage={data} ask={() => ask("dismiss")} />}
      {data.undo_until && new Date(data.undo_until) > new Date() && (
        <div className="rounded-lg bg-sunken px-4 py-3 text-sm">
          <p>
            It was narrowed to what was used. The time for taking that back ends <Time at={data.undo_until} />.
          </p>
          <div className="mt-3">
            <GuardedButton size="sm" allowance={allowance(data.allowed, "undo")} onClick={() => ask("undo")}>
              Take it back…
            </GuardedButton>
          </div>
        </div>
      )}
    </div>
  );
}

function Proposed({ id, usage, ask }: { id: string; usage: GrantUsage; ask(): void }) {
  const accept = useCommand({
    key: acceptKey(id),
    run: (_: null, key) => post(`/api/approval/v1/grants/${encodeURIComponent(id)}/shrink/accept`, {}, key),
    refresh,
    onDone: () => toast("The grant gives what is used, and no more"),
  });
  const proposal = usage.proposal;
  if (!proposal) return null;
  return (
    <div className="rounded-lg bg-warn-wash px-4 py-3 text-sm">
      <p className="font-medium">Proposed: take away what nobody uses</p>
      <p className="mt-0.5 text-soft">
        Watched since <Time at={proposal.observed_from} />. The proposal lapses <Time at={proposal.shadow_until} />.
        Until then authorizers only count what it would refuse.
      </p>
      <ul className="mt-2 space-y-0.5 font-mono text-xs">
        {proposal.unused_scopes.map((scope) => (
          <li key={scope} className="break-all">
            − {scope}
          </li>
        ))}
      </ul>
      {accept.problem && (
        <div className="mt-3">
          <ProblemNote problem={accept.problem} focus />
        </div>
      )}
      <div className="mt-3 flex flex-wrap gap-2">
        <GuardedButton
          tone="primary"
          size="sm"
          busy={accept.running}
          allowance={allowance(usage.allowed, "accept")}
          onClick={() => accept.run(null)}
        >
          {accept.confirming ? "Confirming it is you" : `Take away ${plural(proposal.unused_scopes.length, "scope")}`}
        </GuardedButton>
        <GuardedButton size="sm" allowance={allowance(usage.allowed, "dismiss")} onClick={ask}>
          Keep every scope…
        </GuardedButton>
      </div>
    </div>
  );
}
