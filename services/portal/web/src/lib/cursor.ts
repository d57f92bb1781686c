// Lists keep their filters and place in the URL, so a link shows the same rows.

export type Filters = Record<string, string | undefined>;

/** The query string of an API call: empty values are left out and keys are sorted, so equal filters make equal cache keys. */
export function queryString(filters: Record<string, string | number | boolean | undefined>): string {
  const pairs = Object.entries(filters)
    .filter(([, value]) => value !== undefined && value !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`);
  return pairs.length ? `?${pairs.join("&")}` : "";
}

/** Keeps only the named keys that hold text: what a screen accepts from its URL. */
export function pick<K extends string>(search: Record<string, unknown>, keys: readonly K[]): { [P in K]?: string } {
  const out: { [P in K]?: string } = {};
  for (const key of keys) {
    const value = search[key];
    if (typeof value === "string" && value !== "") out[key] = value;
    else if (typeof value === "number" || typeof value === "boolean") out[key] = String(value);
  }
  return out;
}

/** How many filters are set, places in the list not counted. */
export function countFilters(filters: Filters, ignored: readonly string[] = ["after", "limit", "open"]): number {
  return Object.entries(filters).filter(([key, value]) => value && !ignored.includes(key)).length;
}
