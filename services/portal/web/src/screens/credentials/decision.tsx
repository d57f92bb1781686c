import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { decision } from "@/api/queries";
import type { Decision } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ApplicationName, Named } from "@/ui/named";
import { Facts, PageHeader, Section } from "@/ui/page";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { Tabs } from "./tabs";

/** Why an authorizer let a call pass or not, derived again from the log as it was. */
export function DecisionPage() {
  useTitle("Why a call passed or not", "Credentials");
  const { id = "" } = useSearch({ from: "/decisions" });
  const navigate = useNavigate({ from: "/decisions" });
  const [typed, setTyped] = useState(id);
  const { data, error, isFetching } = useQuery({ ...decision(id), enabled: id !== "", retry: false });
  function submit(event: FormEvent): void {
    event.preventDefault();
    void navigate({ search: { id: typed.trim() || undefined } });
  }
  return (
    <>
      <PageHeader title="Credentials" facts="Every decision of an authorizer can say what it rested on" />
      <Tabs current="decisions" />
      <form onSubmit={submit} className="panel mb-6 flex flex-wrap items-end gap-3 p-4">
        <div className="min-w-60 flex-1">
          <Field label="Decision id" hint="The header Chancery-Decision of the answer in question">
            {(field) => (
              <Input
                {...field}
                value={typed}
                onChange={(e) => setTyped(e.target.value)}
                spellCheck={false}
                autoComplete="off"
                className="font-mono text-xs"
              />
            )}
          </Field>
        </div>
        <Button tone="primary" type="submit" busy={isFetching} className="mb-5">
          Explain
        </Button>
      </form>
      {id === "" && (
        <div className="panel">
          <Empty title="No decision chosen">
            Paste the id that came with an answer. You see decisions about your own applications; auditors see all.
          </Empty>
        </div>
      )}
      {id !== "" && isFetching && !data && <SkeletonRows label="Deriving the decision from the log" />}
      {error && id !== "" && !isFetching && <ProblemNote problem={asProblem(error)} />}
      {data && <Explained of={data} />}
    </>
  );
}

function Explained({ of: d }: { of: Decision }) {
  const chain = d.chain;
  return (
    <div className="grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
      <div className="space-y-6">
        <div className="panel p-4">
          <p className="mb-1 flex flex-wrap items-center gap-2">
            <Badge tone={d.verdict === "allow" ? "good" : "bad"} dot>
              {d.verdict === "allow" ? "Admitted" : "Denied"}
            </Badge>
            <Badge tone={d.derived.agrees ? "good" : "bad"}>
              {d.derived.agrees ? "The log bears it out" : "The log says otherwise"}
            </Badge>
          </p>
          <p className="text-sm">{d.text}</p>
          {d.missing_scope && (
            <p className="mt-1 text-sm text-soft">
              Missing scope: <span className="font-mono text-xs">{d.missing_scope}</span>
            </p>
          )}
        </div>
        {chain?.steps && chain.steps.length > 0 && (
          <Section title="What it rested on">
            <div className="panel overflow-hidden">
              <Table
                name="chain"
                label="Facts the decision rested on"
                rows={chain.steps}
                rowKey={(s) => `${s.kind} ${s.id} ${s.position}`}
                columns={[
                  { id: "kind", header: "What", fixed: true, cell: (s) => sentenceCase(s.kind) },
                  {
                    id: "fact",
                    header: "Fact",
                    fixed: true,
                    cell: (s) => <span className="font-mono text-xs break-all">{s.fact}</span>,
                  },
                  { id: "at", header: "When", wide: true, cell: (s) => <Time at={s.at} /> },
                  {
                    id: "position",
                    header: "Position",
                    wide: true,
                    cell: (s) => <span className="tabular-nums">#{s.position}</span>,
                  },
                ]}
              />
            </div>
          </Section>
        )}
      </div>
      <div className="space-y-6">
        <Section title="The call">
          <div className="panel px-4 py-3">
            <Facts
              items={[
                ["Operation", d.operation ? `${d.operation.method} ${d.operation.path}` : "Not known"],
                ["Needs", d.operation?.scopes.join(", ") || "–"],
                ["Environment", sentenceCase(d.environment)],
                ["When", <Time key="t" at={d.time} />],
                ["Authorizer", d.authorizer],
                ["Facts up to", `#${d.position}`],
                ["Certain since", `${d.lease_age_seconds.toFixed(2)} s before`],
              ]}
            />
          </div>
        </Section>
        {chain && (
          <Section title="Who stands behind it">
            <div className="panel px-4 py-3">
              <Facts
                items={[
                  [
                    "Application",
                    chain.application_id ? (
                      <Link
                        key="a"
                        to="/applications/$id"
                        params={{ id: chain.application_id }}
                        className="link rounded"
                      >
                        <ApplicationName id={chain.application_id} />
                      </Link>
                    ) : (
                      "–"
                    ),
                  ],
                  ["Owner", <Named key="o" id={chain.owner_id} />],
                  ["Backup owner", <Named key="b" id={chain.backup_owner_id} />],
                  ["Granted", chain.granted_scopes?.join(", ") || "–"],
                  [
                    "Approved by",
                    chain.reviewer_ids?.length ? (
                      <span key="r" className="flex flex-col">
                        {chain.reviewer_ids.map((id) => (
                          <Named key={id} id={id} />
                        ))}
                      </span>
                    ) : (
                      (chain.policy ?? "policy")
                    ),
                  ],
                ]}
              />
            </div>
          </Section>
        )}
      </div>
    </div>
  );
}
