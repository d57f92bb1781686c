import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { me } from "@/api/queries";
import type { LeakedSecret } from "@/api/types";
import { plural } from "@/lib/format";
import { readsApplications } from "@/lib/reach";
import { Badge } from "@/ui/badge";
import { ApplicationName, Named } from "@/ui/named";
import { Time } from "@/ui/time";
import { outcomes } from "./leaked";

/** A leaked secret with its blast radius and those who were told. */
export function Secret({ of: s }: { of: LeakedSecret }) {
  const { data: self } = useQuery(me());
  const radius = s.blast_radius;
  return (
    <li className="panel p-4 text-sm">
      <div className="flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0">
          <h3 className="font-medium break-words">{s.name}</h3>
          <p className="text-xs text-faint">
            <span className="font-mono break-all">{s.hint}</span>
            {" of "}
            {self && readsApplications(self) ? (
              <Link
                to="/applications/$id"
                params={{ id: s.application_id }}
                search={{ tab: "credentials" }}
                className="link rounded"
              >
                <ApplicationName id={s.application_id} />
              </Link>
            ) : (
              <span className="font-mono break-all">{s.application_id}</span>
            )}
            , generation {s.generation}
          </p>
        </div>
        <Badge tone={outcomes[s.outcome].tone} dot>
          {outcomes[s.outcome].text}
        </Badge>
      </div>
      <p className="mt-3">
        {radius.requests === 0 ? (
          "No call came through with it"
        ) : (
          <>
            <span className="font-semibold tabular-nums">{plural(radius.requests, "call")}</span> came through with it
          </>
        )}
        {s.exposed_since ? " since it lay open, " : " since it was made, "}
        <Time at={radius.since} />.{!s.exposed_since && " Since when it lay open is not known."}
        {radius.last_at && (
          <>
            {" The last came "}
            <Time at={radius.last_at} />.
          </>
        )}
      </p>
      {radius.requests > 0 && (
        <div className="mt-3 grid grid-cols-1 gap-x-6 gap-y-4 sm:grid-cols-2">
          <Shares title="By scope" of={radius.by_scope} />
          <Shares title="By network" of={radius.by_network} />
        </div>
      )}
      <dl className="mt-3 flex flex-wrap gap-x-6 gap-y-1 border-t pt-3 text-xs text-soft">
        <div className="flex gap-1.5">
          <dt className="text-faint">Told:</dt>
          <dd>
            {s.owners.length === 0 && "Nobody, the application lacks an owner"}
            {s.owners.map((id, i) => (
              <span key={id}>
                {i > 0 && ", "}
                <Named id={id} />
              </span>
            ))}
          </dd>
        </div>
        {s.ended_at && (
          <div className="flex gap-1.5">
            <dt className="text-faint">Ended:</dt>
            <dd>
              <Time at={s.ended_at} />
            </dd>
          </div>
        )}
        {s.position !== undefined && s.position > 0 && (
          <div className="flex gap-1.5">
            <dt className="text-faint">Fact:</dt>
            <dd className="tabular-nums">#{s.position}</dd>
          </div>
        )}
      </dl>
    </li>
  );
}

const most = 6;

/** The largest shares as bars with their counts; the rest in one line. */
function Shares({ title, of }: { title: string; of: Record<string, number> }) {
  const all = Object.entries(of).sort(([, a], [, b]) => b - a);
  const top = all[0]?.[1] ?? 1;
  const rest = all.slice(most).reduce((sum, [, n]) => sum + n, 0);
  return (
    <div>
      <h4 className="mb-1 text-xs text-faint">{title}</h4>
      <ul className="space-y-1.5">
        {all.slice(0, most).map(([name, n]) => (
          <li key={name}>
            <div className="flex items-baseline justify-between gap-3 text-xs">
              <span className="min-w-0 font-mono break-all">{name || "Not known"}</span>
              <span className="tabular-nums">{n.toLocaleString("en")}</span>
            </div>
            <svg className="mt-0.5 block h-1 w-full" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 4">
              <rect width="100" height="4" className="fill-line" />
              <rect width={Math.max(1, (n / top) * 100)} height="4" className="fill-accent" />
            </svg>
          </li>
        ))}
      </ul>
      {rest > 0 && <p className="mt-1 text-xs text-faint">and {plural(rest, "call")} by others</p>}
    </div>
  );
}
