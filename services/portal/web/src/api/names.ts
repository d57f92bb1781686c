import { useQuery } from "@tanstack/react-query";
import { post } from "./http";
import type { Name } from "./types";

// Views hold ids only; names are asked for together, once per id and page.

interface Waiting {
  resolve(name: Name | null): void;
  reject(error: unknown): void;
}

let queue = new Map<string, Waiting[]>();
let timer: ReturnType<typeof setTimeout> | undefined;
const batchLimit = 200;

async function flush(): Promise<void> {
  timer = undefined;
  const batch = queue;
  queue = new Map();
  const ids = [...batch.keys()];
  for (let i = 0; i < ids.length; i += batchLimit) {
    const part = ids.slice(i, i + batchLimit);
    try {
      const { names } = await post<{ names: Record<string, Name> }>("/api/identity/v1/names", { ids: part });
      for (const id of part) for (const w of batch.get(id) ?? []) w.resolve(names[id] ?? null);
    } catch (error) {
      for (const id of part) for (const w of batch.get(id) ?? []) w.reject(error);
    }
  }
}

export function loadName(id: string): Promise<Name | null> {
  return new Promise((resolve, reject) => {
    const waiting = queue.get(id) ?? [];
    waiting.push({ resolve, reject });
    queue.set(id, waiting);
    if (timer === undefined) timer = setTimeout(() => void flush(), 12);
  });
}

/** The name behind an id; null when it lies outside one's reach, undefined until it is known. */
export function useName(id: string | undefined): Name | null | undefined {
  return useQuery({
    queryKey: ["name", id],
    queryFn: () => loadName(id as string),
    enabled: !!id,
    staleTime: 10 * 60_000,
    gcTime: 30 * 60_000,
    retry: false,
  }).data;
}
