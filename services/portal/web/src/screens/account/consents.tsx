import { useQuery } from "@tanstack/react-query";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { consents } from "@/api/queries";
import { Button } from "@/ui/button";
import { ApplicationName, ProductName } from "@/ui/named";
import { asProblem, Empty, ProblemNote, SkeletonRows } from "@/ui/states";
import { Time } from "@/ui/time";
import { toast } from "@/ui/toast";

/** What a person lets applications do in their name, each to be taken back at once. */
export function Consents({ person }: { person: string }) {
  const { data, error, isPending, refetch } = useQuery(consents());
  const end = useCommand({
    key: "consent.revoke",
    run: (consent: string, id) => post(`/api/issuance/v1/consents/${consent}/revoke`, {}, id),
    refresh: ["consents"],
    onDone: () => toast("The application acts for you no longer"),
  });
  if (error && !data) return <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />;
  const mine = data?.items.filter((c) => c.person_id === person && c.state === "active") ?? [];
  return (
    <div className="panel">
      {isPending && <SkeletonRows rows={2} label="Loading consents" />}
      {end.problem && <ProblemNote problem={end.problem} focus />}
      {data && mine.length === 0 && <Empty title="No application acts for you">You would be asked first.</Empty>}
      <ul className="divide-y">
        {mine.map((c) => (
          <li key={c.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm">
            <span className="min-w-0 flex-1 basis-60">
              <span className="block font-medium">
                <ApplicationName id={c.application_id} /> <span className="font-normal text-soft">uses</span>{" "}
                <ProductName id={c.product_id} />
              </span>
              <span className="block text-xs text-faint">
                {c.scopes.join(", ")}, since <Time at={c.given_at} />, until <Time at={c.expires_at} />
              </span>
            </span>
            <Button size="sm" busy={end.running} onClick={() => end.run(c.id)}>
              Take back
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
