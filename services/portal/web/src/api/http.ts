import { queryString } from "@/lib/cursor";
import { settled, unsettled } from "./freshness";
import { Problem, problemOf } from "./problem";

export interface Call {
  method?: "GET" | "POST";
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  /** A document sent as it is, in place of a JSON body. */
  raw?: { text: string; type: string };
  idempotencyKey?: string;
  signal?: AbortSignal;
}

// Highest position any command of this page was answered with; reads wait for it.
let position = 0n;

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function send(path: string, call: Call): Promise<Response> {
  const headers = new Headers({ Accept: "application/json" });
  const method = call.method ?? "GET";
  if (call.raw) headers.set("Content-Type", call.raw.type);
  else if (call.body !== undefined) headers.set("Content-Type", "application/json");
  if (call.idempotencyKey) headers.set("Idempotency-Key", call.idempotencyKey);
  // A header no form can send: a second line behind the same-origin check.
  if (method !== "GET") headers.set("Chancery-Client", "portal");
  if (method === "GET" && position > 0n) headers.set("Chancery-Position", position.toString());
  try {
    return await fetch(path + queryString(call.query ?? {}), {
      method,
      headers,
      body: call.raw?.text ?? (call.body === undefined ? undefined : JSON.stringify(call.body)),
      signal: call.signal,
      credentials: "same-origin",
    });
  } catch (cause) {
    if (call.signal?.aborted) throw cause;
    throw new Problem({
      status: 0,
      code: "network",
      title: "The portal did not answer.",
      detail: "The connection was lost. Check your network, then try again.",
    });
  }
}

/** Calls the portal; a read that is behind one's own last command is repeated until it has caught up. */
export async function call<T>(path: string, options: Call = {}): Promise<T> {
  let waiting = false;
  try {
    for (let attempt = 0; ; attempt++) {
      const response = await send(path, options);
      const answered = response.headers.get("Chancery-Position");
      if ((options.method ?? "GET") !== "GET" && answered && /^\d+$/.test(answered)) {
        const value = BigInt(answered);
        if (value > position) position = value;
      }
      if (response.ok) {
        if (response.status === 204) return undefined as T;
        const type = response.headers.get("Content-Type") ?? "";
        return (type.includes("json") ? await response.json() : await response.text()) as T;
      }
      const problem = await problemOf(response);
      if (problem.code !== "view_behind" || attempt >= 8) throw problem;
      if (!waiting) {
        waiting = true;
        unsettled();
      }
      await pause((problem.retryAfter ?? 1) * 1000, options.signal);
    }
  } finally {
    if (waiting) settled();
  }
}

export const get = <T>(path: string, query?: Call["query"], signal?: AbortSignal) => call<T>(path, { query, signal });

export const post = <T>(path: string, body: unknown = {}, idempotencyKey?: string) =>
  call<T>(path, { method: "POST", body, idempotencyKey });
