import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Pause, Play, ScrollText } from "lucide-react";
import { useState } from "react";
import { records } from "@/api/queries";
import { whileSomebodyLooks } from "@/lib/active";
import { countFilters } from "@/lib/cursor";
import type { AuditField } from "@/lib/query";
import { useTitle } from "@/lib/title";
import { Button } from "@/ui/button";
import { PageHeader } from "@/ui/page";
import { asProblem, Empty, EmptyByFilter, ProblemNote, SkeletonRows } from "@/ui/states";
import { ExportMenu } from "./export";
import { FilterBar } from "./filters";
import { RecordList } from "./records";
import { SingleRecord } from "./single";

const auditKeys: AuditField[] = [
  "type",
  "actor",
  "subject",
  "organization_id",
  "application_id",
  "outcome",
  "from",
  "to",
];
const cap = 1000;

/** The one order of everything that happened, in sentences that can be filtered, opened and proven. */
export function AuditExplorer() {
  useTitle("Audit");
  const search = useSearch({ from: "/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const [live, setLive] = useState(false);
  const [held, setHeld] = useState(false);
  const filters = Object.fromEntries(auditKeys.filter((key) => search[key]).map((key) => [key, search[key] as string]));
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage, dataUpdatedAt } =
    useInfiniteQuery({
      ...records({ ...filters, limit: 50 }),
      // Reading a row holds the tail still; what came meanwhile is shown when one lets go.
      refetchInterval: live && !held && !search.open ? whileSomebodyLooks(2_000) : false,
    });
  const items = (data?.pages.flatMap((page) => page.items) ?? []).slice(0, cap);
  const count = countFilters(filters);
  const set = (change: Partial<Record<AuditField, string | undefined>>) =>
    void navigate({ search: (old) => ({ ...old, ...change, open: undefined }) });
  const utc = search.zone === "utc";
  const openHere = search.open && items.some((r) => String(r.position) === search.open);

  return (
    <>
      <PageHeader
        title="Audit"
        facts={
          <>
            <span>Every step, in the one order everybody sees</span>
            {dataUpdatedAt > 0 && (
              <span className="text-xs text-faint">as of {new Date(dataUpdatedAt).toLocaleTimeString("en-GB")}</span>
            )}
          </>
        }
        action={
          <>
            <Button aria-pressed={live} onClick={() => setLive(!live)}>
              {live ? (
                <Pause className="size-3.5" aria-hidden="true" />
              ) : (
                <Play className="size-3.5" aria-hidden="true" />
              )}
              {live ? (held ? "Live, held" : "Live") : "Live tail"}
            </Button>
            <ExportMenu rows={items} filters={filters} more={hasNextPage} />
          </>
        }
      />
      <FilterBar
        filters={filters}
        set={set}
        types={[...new Set(items.map((r) => r.type))].sort()}
        utc={utc}
        setUtc={(on) => void navigate({ search: (old) => ({ ...old, zone: on ? "utc" : undefined }), replace: true })}
      />
      {search.open && !openHere && !isPending && (
        <SingleRecord
          position={Number(search.open)}
          utc={utc}
          close={() => void navigate({ search: (old) => ({ ...old, open: undefined }), replace: true })}
        />
      )}
      {error && !data ? (
        <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />
      ) : (
        // biome-ignore lint/a11y/noStaticElementInteractions: hovering only holds the live tail.
        <div className="panel overflow-hidden" onMouseEnter={() => setHeld(true)} onMouseLeave={() => setHeld(false)}>
          {isPending ? (
            <SkeletonRows rows={12} label="Loading records" />
          ) : items.length === 0 ? (
            count > 0 ? (
              <EmptyByFilter noun="records" count={count} onClear={() => void navigate({ search: {} })} />
            ) : (
              <Empty icon={<ScrollText className="size-5" aria-hidden="true" />} title="Nothing is recorded yet">
                The first sign-in, registration or decision appears here, and stays.
              </Empty>
            )
          ) : (
            <RecordList
              rows={items}
              open={search.open}
              utc={utc}
              toggle={(position) =>
                void navigate({
                  search: (old) => ({ ...old, open: old.open === String(position) ? undefined : String(position) }),
                  replace: true,
                })
              }
              filter={set}
            />
          )}
        </div>
      )}
      {items.length > 0 && (
        <div className="mt-3 flex items-center justify-between gap-4 text-xs text-faint">
          <span>
            {items.length} shown{items.length >= cap && ", the most a page keeps. Narrow the time to see older ones"}
          </span>
          {hasNextPage && items.length < cap && (
            <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              Show older
            </Button>
          )}
        </div>
      )}
    </>
  );
}
