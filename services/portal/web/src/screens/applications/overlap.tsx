import { spent } from "@/lib/format";
import { useNow } from "@/lib/now";

/** Old, overlap, new: two bars on one line of time. */
export function Overlap({
  oldHint,
  newHint,
  from,
  until,
}: {
  oldHint: string;
  newHint: string;
  from?: string;
  until?: string;
}) {
  const now = useNow();
  const none = from !== undefined && until !== undefined && until <= from;
  const share = from && until && !none ? spent(new Date(from), new Date(until), now) : 0;
  const end = none ? 30 : 70;
  const at = 30 + share * 40;
  return (
    <figure>
      <svg
        viewBox="0 0 100 15"
        className="block h-9 w-full"
        preserveAspectRatio="none"
        role="img"
        aria-label={
          none
            ? "The old value ends when the new one begins."
            : "The old value works beside the new one until the overlap ends."
        }
      >
        {!none && <rect x="30" y="0" width="40" height="15" className="fill-accent-wash" />}
        <rect x="0" y="2.5" width={end} height="2.5" rx="0.4" className="fill-edge" />
        <rect x="30" y="9.5" width="70" height="2.5" rx="0.4" className="fill-good" />
        <line x1={at} x2={at} y1="0" y2="15" className="stroke-ink" strokeWidth="0.2" />
      </svg>
      <figcaption className="mt-1 grid grid-cols-[30%_40%_30%] text-2xs text-faint">
        <span className="truncate">
          Old <span className="font-mono">{oldHint}</span>
        </span>
        <span className="text-center">{none ? "No overlap" : "Overlap"}</span>
        <span className="truncate text-right">
          New <span className="font-mono">{newHint}</span>
        </span>
      </figcaption>
    </figure>
  );
}
