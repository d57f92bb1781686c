import clsx from "clsx";
import { Check } from "lucide-react";

export function Steps({
  names,
  at,
  furthest,
  go,
}: {
  names: string[];
  at: number;
  furthest: number;
  go(index: number): void;
}) {
  return (
    <nav aria-label="Steps">
      <ol className="flex flex-wrap gap-x-6 gap-y-2">
        {names.map((name, i) => {
          const reachable = i <= furthest;
          return (
            <li key={name}>
              <button
                type="button"
                disabled={!reachable}
                aria-current={i === at ? "step" : undefined}
                onClick={() => go(i)}
                className={clsx(
                  "flex items-center gap-2 rounded py-1 text-sm",
                  i === at ? "font-medium text-ink" : "text-faint",
                  reachable && i !== at && "hover:text-ink",
                  !reachable && "cursor-not-allowed",
                )}
              >
                <span
                  aria-hidden="true"
                  className={clsx(
                    "flex size-5.5 items-center justify-center rounded-full border text-2xs font-semibold",
                    i === at
                      ? "border-ink bg-ink text-on-ink"
                      : i < furthest
                        ? "border-good bg-good-wash text-good"
                        : "border-edge",
                  )}
                >
                  {i < furthest && i !== at ? <Check className="size-3" strokeWidth={3} /> : i + 1}
                </span>
                {name}
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
