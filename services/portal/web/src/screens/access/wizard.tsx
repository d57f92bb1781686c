import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { application, grants, preview, product, type RequestInput, requests } from "@/api/queries";
import type { Submitted } from "@/api/types";
import { useDraft } from "@/lib/draft";
import { useTitle } from "@/lib/title";
import { Button, LinkButton } from "@/ui/button";
import { PageHeader } from "@/ui/page";
import { ProblemNote } from "@/ui/states";
import { toast } from "@/ui/toast";
import { NextRail } from "./rail";
import { ReasonStep } from "./reason";
import { ReviewStep } from "./review";
import { ScopesStep } from "./scopes";
import { Steps } from "./steps";
import { WhatStep } from "./what";

const steps = ["what", "scopes", "reason", "review"] as const;
type Step = (typeof steps)[number];
const words: Record<Step, string> = {
  what: "Application and product",
  scopes: "Scopes",
  reason: "Why and how long",
  review: "Review",
};
const empty: RequestInput = { application_id: "", product_id: "", scopes: [], duration_days: 90, justification: "" };

/** Four steps from a wish to a request, with what policy makes of it beside every step. */
export function Wizard() {
  useTitle("Request access");
  const search = useSearch({ from: "/access/new" });
  const navigate = useNavigate({ from: "/access/new" });
  const [draft, change, forget] = useDraft("access", empty);

  // A link names the application or the product; a product other than the draft's starts its scopes anew.
  useEffect(() => {
    if (search.application && search.application !== draft.application_id)
      change({ application_id: search.application });
    if (search.product && search.product !== draft.product_id) change({ product_id: search.product, scopes: [] });
  });

  const app = useQuery({ ...application(draft.application_id), retry: false });
  const of = useQuery({ ...product(draft.product_id), retry: false });
  const held = useQuery({
    ...grants({ application_id: draft.application_id, state: "active" }),
    enabled: !!draft.application_id,
  });
  const mine = useQuery(requests({ box: "mine" }));
  const verdict = useQuery(preview(draft));
  const command = useCommand({
    key: "request.submit",
    run: (input: RequestInput, id) => post<Submitted>("/api/approval/v1/requests", input, id),
    refresh: ["requests", "grants", "products", "records"],
    onDone: ({ id }) => {
      forget();
      toast("The request is submitted");
      void navigate({ to: "/requests/$id", params: { id } });
    },
  });

  const pending = (mine.data?.items ?? []).find(
    (r) =>
      r.application_id === draft.application_id &&
      r.product_id === draft.product_id &&
      ["submitted", "in_review"].includes(r.state),
  );
  const current = (held.data?.items ?? []).filter((g) => g.product_id === draft.product_id && g.state === "active");
  const done: Record<Step, boolean> = {
    what: !!app.data && !!of.data && !pending,
    scopes: draft.scopes.length > 0,
    reason: draft.justification.trim().length >= 10 && draft.duration_days > 0,
    review: false,
  };
  const furthest = steps.findIndex((s) => !done[s]);
  const wanted = steps.indexOf((search.step as Step) ?? "what");
  const at = Math.max(0, Math.min(Math.max(0, wanted), furthest));
  const step = steps[at] ?? "what";
  const go = (index: number) => void navigate({ search: { step: steps[index] } });

  return (
    <>
      <PageHeader
        crumbs={[{ text: "Catalogue", to: "/catalogue" }]}
        title="Request access"
        facts={
          of.data && app.data
            ? `${of.data.name} for ${app.data.name} in ${app.data.environment}`
            : "Scopes of one product, for one application, for a time"
        }
      />
      <Steps names={steps.map((s) => words[s])} at={at} furthest={furthest} go={go} />
      <div className="mt-6 grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <div className="min-w-0 space-y-6">
          {command.problem && (
            <ProblemNote
              problem={command.problem}
              focus
              labels={{ justification: "Justification", scopes: "Scopes", duration_days: "Duration" }}
            />
          )}
          {step === "what" && <WhatStep draft={draft} change={change} pending={pending} />}
          {step === "scopes" && <ScopesStep draft={draft} change={change} of={of.data} current={current} />}
          {step === "reason" && (
            <ReasonStep draft={draft} change={change} error={(name) => command.problem?.field(name)} />
          )}
          {step === "review" && <ReviewStep draft={draft} application={app.data} of={of.data} current={current} />}
          <div className="flex gap-2 border-t pt-5">
            {at > 0 && (
              <Button onClick={() => go(at - 1)} disabled={command.running}>
                Back
              </Button>
            )}
            {step === "review" ? (
              <Button tone="primary" busy={command.running} onClick={() => command.run(draft)}>
                Submit request
              </Button>
            ) : (
              <Button tone="primary" disabled={!done[step]} onClick={() => go(at + 1)}>
                Continue
              </Button>
            )}
            <LinkButton to="/catalogue" tone="quiet" className="ml-auto">
              Leave, keep the draft
            </LinkButton>
          </div>
        </div>
        <NextRail
          verdict={verdict}
          ready={draft.scopes.length > 0}
          production={app.data?.environment === "production"}
        />
      </div>
    </>
  );
}
