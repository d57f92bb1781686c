import { absoluteTime, plural, relativeTime, spent } from "@/lib/format";
import { useNow } from "@/lib/now";

export function Time({ at, className }: { at: string | undefined; className?: string }) {
  const now = useNow();
  if (!at) return <span className="text-faint">Never</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={absoluteTime(date)} className={className}>
      {relativeTime(date, now)}
    </time>
  );
}

/** A lifetime as text and as a bar; what is nearly over is said in words too. */
export function Lifetime({ from, until, ended }: { from: string; until: string; ended?: boolean }) {
  const now = useNow();
  const end = new Date(until);
  const share = spent(new Date(from), end, now);
  const over = end <= now;
  const near = !over && share > 0.85;
  return (
    <div className="min-w-24">
      <div className={near && !ended ? "text-warn" : undefined}>
        {ended ? "Ended" : over ? "Expired" : "Expires"} {!ended && <Time at={until} />}
      </div>
      <svg className="mt-1 block h-1 w-full" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 4">
        <rect width="100" height="4" rx="2" className="fill-line" />
        <rect
          width={ended || over ? 100 : Math.max(2, share * 100)}
          height="4"
          rx="2"
          className={ended || over ? "fill-edge" : near ? "fill-warn" : "fill-good"}
        />
      </svg>
    </div>
  );
}

/** Whole minutes, hours or days left, for deadlines. */
export function timeLeft(until: string, now: Date): string {
  const minutes = Math.round((new Date(until).getTime() - now.getTime()) / 60_000);
  if (minutes <= 0) return "overdue";
  if (minutes < 120) return `${plural(minutes, "minute")} left`;
  if (minutes < 72 * 60) return `${plural(Math.round(minutes / 60), "hour")} left`;
  return `${plural(Math.round(minutes / 1440), "day")} left`;
}
