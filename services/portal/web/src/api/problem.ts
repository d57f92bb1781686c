export interface FieldError {
  field: string;
  code?: string;
  detail: string;
}

/** A refusal or failure as RFC 9457 tells it, and the same shape for a network that did not answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId?: string;
  readonly errors: FieldError[];
  readonly stepUpUrl?: string;
  readonly retryAfter?: number;

  constructor(fields: Partial<Omit<Problem, "name" | "message">> & { status: number; code: string; title: string }) {
    super(fields.detail || fields.title);
    this.name = "Problem";
    this.status = fields.status;
    this.code = fields.code;
    this.title = fields.title;
    this.detail = fields.detail ?? "";
    this.requestId = fields.requestId;
    this.errors = fields.errors ?? [];
    this.stepUpUrl = fields.stepUpUrl;
    this.retryAfter = fields.retryAfter;
  }

  /** The command may have been carried out although no answer came. */
  get unknownOutcome(): boolean {
    return this.code === "network" || this.code === "outcome_unknown" || this.status === 504;
  }

  field(name: string): string | undefined {
    return this.errors.find((e) => e.field === name || e.field.endsWith(`.${name}`))?.detail;
  }
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export async function problemOf(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // A proxy in between may answer without a problem document; the status still says what happened.
  }
  const retry = Number(response.headers.get("Retry-After"));
  return new Problem({
    status: response.status,
    code: text(body.code) ?? `http_${response.status}`,
    title: text(body.title) ?? fallbackTitle(response.status),
    detail: text(body.detail) ?? "",
    requestId: text(body.request_id) ?? response.headers.get("X-Request-Id") ?? undefined,
    errors: Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
    stepUpUrl: text(body.step_up_url),
    retryAfter: Number.isFinite(retry) && retry > 0 ? retry : undefined,
  });
}

function fallbackTitle(status: number): string {
  if (status === 401) return "Your session has ended.";
  if (status === 403) return "You may not do this.";
  if (status === 404) return "This does not exist, or lies outside what you may see.";
  if (status === 409) return "Somebody changed this first.";
  if (status === 429) return "Too many requests in a short time.";
  if (status >= 500) return "The service could not answer.";
  return "The request was refused.";
}
