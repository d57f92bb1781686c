const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "2 min ago", "in 3 days"; past a month the date itself. */
export function relativeTime(at: Date, now: Date): string {
  const delta = at.getTime() - now.getTime();
  const size = Math.abs(delta);
  if (size < 45 * second) return delta <= 0 ? "just now" : "in a moment";
  if (size < hour) return relative.format(Math.round(delta / minute), "minute");
  if (size < day) return relative.format(Math.round(delta / hour), "hour");
  if (size < 30 * day) return relative.format(Math.round(delta / day), "day");
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

/** Local time and UTC, for a title. */
export function absoluteTime(at: Date): string {
  const local = at.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${local} (${zone}) · ${at
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC")}`;
}

/** "21 Nov 18:39:21.204", for dense tables. */
export function clockTime(at: Date): string {
  const date = at.toLocaleDateString("en-GB", { day: "2-digit", month: "short" });
  return `${date} ${at.toLocaleTimeString("en-GB", { hour12: false })}`;
}

/** "90 days", "24 hours", "45 min". */
export function duration(seconds: number): string {
  const units: [number, string][] = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ];
  for (const [size, name] of units) {
    if (seconds >= size && (seconds % size === 0 || seconds >= size * 3))
      return plural(Math.round(seconds / size), name);
  }
  return plural(seconds, "second");
}

export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : many}`;
}

/** How much of a lifetime is spent, 0 to 1. */
export function spent(from: Date, until: Date, now: Date): number {
  const whole = until.getTime() - from.getTime();
  if (whole <= 0) return 1;
  return Math.min(1, Math.max(0, (now.getTime() - from.getTime()) / whole));
}

/** "9f2c41…" for digests and ids too long to read. */
export function abbreviate(text: string, keep = 8): string {
  return text.length <= keep + 4 ? text : `${text.slice(0, keep)}…`;
}

/** A word of the language in sentence case: "in_review" becomes "In review". */
export function sentenceCase(word: string): string {
  const text = word.replaceAll("_", " ").replaceAll("-", " ");
  return (text.charAt(0).toUpperCase() + text.slice(1)).replace(/\bapi\b/gi, "API");
}

/** One CSV cell; what a spreadsheet would run as a formula is defused with a quote. */
export function csvCell(value: unknown): string {
  let text = value === undefined || value === null ? "" : String(value);
  if (/^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csv(header: string[], rows: unknown[][]): string {
  return [header, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
}
