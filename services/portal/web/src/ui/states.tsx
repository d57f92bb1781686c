import { RotateCw } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Problem } from "@/api/problem";
import { sentenceCase } from "@/lib/format";
import { Button } from "./button";
import { Copy } from "./copy";

/** Rows in grey while a list is on its way; invisible for the first 300 ms, so a fast answer shows no flash. */
export function SkeletonRows({ rows = 6, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="animate-late">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows have no identity.
        <div key={i} className="flex items-center gap-4 border-b px-4 py-3 last:border-0">
          <div className="shimmer h-3 w-2/5 animate-sweep" />
          <div className="shimmer h-3 w-1/5 animate-sweep" />
          <div className="shimmer ml-auto h-3 w-16 animate-sweep" />
        </div>
      ))}
    </div>
  );
}

export function SkeletonPage() {
  return (
    <div role="status" aria-label="Loading" className="animate-late space-y-6 pt-2">
      <div className="shimmer h-6 w-64 max-w-full animate-sweep" />
      <div className="shimmer h-3 w-96 max-w-full animate-sweep" />
      <div className="panel">
        <SkeletonRows />
      </div>
    </div>
  );
}

/** Nothing here yet: what this is, why it is empty, and the one thing to do. */
export function Empty({
  icon,
  title,
  children,
  action,
  page,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  page?: boolean;
}) {
  const Heading = page ? "h1" : "h2";
  return (
    <div className="flex flex-col items-center px-6 py-14 text-center">
      {icon && (
        <div className="mb-3 flex size-10 items-center justify-center rounded-full bg-sunken text-faint">{icon}</div>
      )}
      <Heading className={page ? "text-xl font-semibold tracking-tight" : "text-base font-semibold"}>{title}</Heading>
      {children && <div className="mt-1 max-w-md text-sm text-soft text-pretty">{children}</div>}
      {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

export function EmptyByFilter({ noun, count, onClear }: { noun: string; count: number; onClear(): void }) {
  return (
    <Empty
      title={`No ${noun} match`}
      action={<Button onClick={onClear}>{count > 1 ? `Clear ${count} filters` : "Clear the filter"}</Button>}
    />
  );
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem
    ? error
    : new Problem({ status: 0, code: "unexpected", title: "Something went wrong on this page." });
}

/** What failed, why, what now, and the number to quote. Takes focus when it answers something the person did. */
export function ProblemNote({
  problem,
  onRetry,
  focus,
  labels,
}: {
  problem: Problem;
  onRetry?(): void;
  focus?: boolean;
  labels?: Record<string, string>;
}) {
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new problem takes focus anew.
  useEffect(() => {
    if (focus) box.current?.focus();
  }, [focus, problem]);
  return (
    <div ref={box} role="alert" tabIndex={-1} className="rounded-lg border border-bad/30 bg-bad-wash px-4 py-3 text-sm">
      <p className="font-medium text-bad">{problem.title}</p>
      {problem.detail && problem.detail !== problem.title && <p className="mt-0.5 text-ink">{problem.detail}</p>}
      {problem.errors.length > 0 && (
        <ul className="mt-1.5 list-disc space-y-0.5 pl-4.5 text-ink">
          {problem.errors.map((e) => (
            <li key={`${e.field}${e.detail}`}>
              <span className="font-medium">
                {labels?.[e.field] ?? sentenceCase(e.field.split(".").at(-1) ?? e.field)}
              </span>
              : {e.detail}
            </li>
          ))}
        </ul>
      )}
      <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 empty:hidden">
        {onRetry && (
          <Button size="sm" onClick={onRetry}>
            <RotateCw className="size-3.5" aria-hidden="true" /> Try again
          </Button>
        )}
        {problem.requestId && (
          <span className="inline-flex items-center gap-1 text-xs text-soft">
            Request id <span className="font-mono">{problem.requestId}</span>
            <Copy text={problem.requestId} what="request id" />
          </span>
        )}
      </div>
    </div>
  );
}

/** The whole page for something that is not there, or not there for this person. */
export function ErrorPage({
  error,
  noun,
  id,
  onRetry,
  action,
}: {
  error: unknown;
  noun: string;
  id?: string;
  onRetry?(): void;
  action?: ReactNode;
}) {
  const problem = asProblem(error);
  if (problem.status === 404) {
    return (
      <Empty page title={`No such ${noun}`} action={action}>
        {id && <p className="mb-2 font-mono text-xs break-all">{id}</p>}
        It does not exist, or it lies outside what your organisation may see. Both look the same from here on purpose.
      </Empty>
    );
  }
  return (
    <>
      <h1 className="sr-only">This {noun} cannot be shown</h1>
      <ProblemNote problem={problem} onRetry={onRetry} />
    </>
  );
}
