import { useQuery } from "@tanstack/react-query";
import { useName } from "@/api/names";
import { application, product } from "@/api/queries";
import { Tip } from "./tip";

/** The name behind the id of a person or organisation; the id itself when it lies outside one's reach. */
export function Named({ id, you }: { id: string | undefined; you?: boolean }) {
  const name = useName(id);
  if (!id) return <span className="text-faint">Nobody</span>;
  if (name === undefined) return <span className="inline-block h-3 w-20 shimmer align-middle" aria-hidden="true" />;
  if (name === null) return <span className="font-mono text-xs">{id.length > 14 ? `${id.slice(0, 13)}…` : id}</span>;
  return (
    <span title={name.email}>
      {name.name}
      {you && <span className="text-faint"> (you)</span>}
    </span>
  );
}

const hues = [18, 70, 140, 190, 230, 265, 300, 340];

function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  return `${words[0]?.[0] ?? ""}${words.length > 1 ? (words.at(-1)?.[0] ?? "") : ""}`.toUpperCase();
}

/** A round mark for a person; its name is beside it or in its tip. */
export function Avatar({ id, size = 24, tip }: { id: string; size?: number; tip?: boolean }) {
  const name = useName(id);
  const hue = hues[[...id].reduce((sum, c) => sum + c.charCodeAt(0), 0) % hues.length] ?? 230;
  const mark = (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      className="shrink-0 rounded-full"
      role={tip ? "img" : undefined}
      aria-hidden={tip ? undefined : true}
      aria-label={tip ? (name?.name ?? id) : undefined}
    >
      <rect width="24" height="24" fill={`hsl(${hue} 38% 42%)`} />
      <text x="12" y="12.5" dominantBaseline="central" textAnchor="middle" fontSize="9.5" fontWeight="600" fill="#fff">
        {initials(name?.name ?? "")}
      </text>
    </svg>
  );
  return tip ? <Tip text={name?.name ?? id}>{mark}</Tip> : mark;
}

export function ApplicationName({ id }: { id: string }) {
  const { data } = useQuery({ ...application(id), retry: false, staleTime: 60_000 });
  return <>{data?.name ?? <span className="font-mono text-xs">{id.slice(0, 13)}…</span>}</>;
}

export function ProductName({ id }: { id: string }) {
  const { data } = useQuery({ ...product(id), retry: false, staleTime: 60_000 });
  return <>{data?.name ?? <span className="font-mono text-xs">{id.slice(0, 13)}…</span>}</>;
}
