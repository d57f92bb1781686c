import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { applications, products, type RequestInput } from "@/api/queries";
import type { AccessRequest } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { LinkButton } from "@/ui/button";
import { Field, Select } from "@/ui/field";
import { Empty } from "@/ui/states";
import { Time } from "@/ui/time";

export function WhatStep({
  draft,
  change,
  pending,
}: {
  draft: RequestInput;
  change(part: Partial<RequestInput>): void;
  pending?: AccessRequest;
}) {
  const apps = useQuery(applications({ limit: 200 }));
  const items = useQuery(products({ limit: 200 }));
  const usable = (apps.data?.items ?? []).filter((a) => a.state === "active");
  if (apps.data && usable.length === 0) {
    return (
      <div className="panel">
        <Empty
          title="No application to ask for"
          action={
            <LinkButton tone="primary" to="/applications/new">
              Register an application
            </LinkButton>
          }
        >
          Access is given to an application with two owners, not to a person.
        </Empty>
      </div>
    );
  }
  return (
    <div className="space-y-5">
      <Field label="Application" hint="Its environment decides which data it reaches.">
        {(p) => (
          <Select {...p} value={draft.application_id} onChange={(e) => change({ application_id: e.target.value })}>
            <option value="">Choose an application</option>
            {usable.map((a) => (
              <option key={a.id} value={a.id}>
                {a.name} ({sentenceCase(a.environment)})
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Product">
        {(p) => (
          <Select {...p} value={draft.product_id} onChange={(e) => change({ product_id: e.target.value, scopes: [] })}>
            <option value="">Choose a product</option>
            {(items.data?.items ?? [])
              .filter((each) => each.state === "published")
              .map((each) => (
                <option key={each.id} value={each.id}>
                  {each.name}
                </option>
              ))}
          </Select>
        )}
      </Field>
      {pending && (
        <p role="status" className="rounded-lg bg-accent-wash px-4 py-3 text-sm">
          A request of this application for this product is already in review, submitted{" "}
          <Time at={pending.submitted_at} />.{" "}
          <Link to="/requests/$id" params={{ id: pending.id }} className="link">
            See it
          </Link>{" "}
          or withdraw it there to ask for something else.
        </p>
      )}
    </div>
  );
}
