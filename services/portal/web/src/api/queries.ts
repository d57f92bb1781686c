import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { get, post } from "./http";
import { Problem } from "./problem";
import type * as T from "./types";

type Query = Record<string, string | number | undefined>;

/** An empty list may be left out of an answer; screens always get one. */
const filled = <R>(page: T.Page<R>): T.Page<R> => ({ ...page, items: page.items ?? [] });

const list = <R>(head: string, path: string, query: Query = {}, each: (item: R) => R = (item) => item) =>
  queryOptions({
    queryKey: [head, "list", query],
    queryFn: async ({ signal }) => {
      const page = filled(await get<T.Page<R>>(path, query, signal));
      return { ...page, items: page.items.map(each) };
    },
  });
const detail = <R>(head: string, path: string, id: string, each: (item: R) => R = (item) => item) =>
  queryOptions({
    queryKey: [head, id],
    queryFn: async ({ signal }) => each(await get<R>(`${path}/${encodeURIComponent(id)}`, undefined, signal)),
    enabled: id !== "",
  });

const wholeProduct = (p: T.ProductDetail): T.ProductDetail => ({
  ...p,
  scopes: p.scopes ?? [],
  operations: (p.operations ?? []).map((o) => ({ ...o, scopes: o.scopes ?? [] })),
  versions: p.versions ?? [],
});
const wholeRequest = <R extends T.AccessRequest>(r: R): R => ({ ...r, clauses: r.clauses ?? [] });
const wholePerson = (p: T.Person): T.Person => ({ ...p, roles: p.roles ?? [] });

export const me = () =>
  queryOptions({
    queryKey: ["me"],
    queryFn: async () => {
      const self = await get<T.Me>("/api/identity/v1/me");
      return { ...self, roles: self.roles ?? [] };
    },
    staleTime: 60_000,
    retry: false,
  });

/** People one may sign in as; empty outside a development suite. */
export const personas = () =>
  queryOptions({
    queryKey: ["personas"],
    queryFn: async () => {
      try {
        return await get<T.Page<T.Persona>>("/api/dev/personas");
      } catch (error) {
        if (error instanceof Problem && error.status >= 400 && error.status < 500) return { items: [] };
        throw error;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

export const products = (query: Query = {}) => list<T.Product>("products", "/api/registry/v1/products", query);
export const product = (id: string) =>
  detail<T.ProductDetail>("products", "/api/registry/v1/products", id, wholeProduct);
export const version = (id: string) =>
  detail<T.Version & { migration?: string }>("versions", "/api/registry/v1/versions", id);
export const applications = (query: Query = {}) =>
  list<T.Application>("applications", "/api/registry/v1/applications", query);
export const application = (id: string) => detail<T.Application>("applications", "/api/registry/v1/applications", id);

export const requests = (query: Query = {}) =>
  list<T.AccessRequest>("requests", "/api/approval/v1/requests", query, wholeRequest);
export const request = (id: string) =>
  detail<T.AccessRequestDetail>("requests", "/api/approval/v1/requests", id, wholeRequest);
export const grants = (query: Query = {}) => list<T.Grant>("grants", "/api/approval/v1/grants", query);
export const grant = (id: string) => detail<T.Grant>("grants", "/api/approval/v1/grants", id);

export const grantUsage = (id: string) =>
  queryOptions({
    queryKey: ["grants", id, "usage"],
    queryFn: ({ signal }) =>
      get<T.GrantUsage>(`/api/approval/v1/grants/${encodeURIComponent(id)}/usage`, undefined, signal),
  });

export interface RequestInput {
  application_id: string;
  product_id: string;
  scopes: string[];
  duration_days: number;
  justification: string;
}
export const preview = (input: RequestInput) =>
  queryOptions({
    queryKey: ["preview", input.application_id, input.product_id, input.scopes, input.duration_days],
    queryFn: () =>
      post<T.Preview>("/api/approval/v1/requests/preview", input).then((p) => ({
        ...p,
        clauses: p.clauses ?? [],
        reasons: p.reasons ?? [],
      })),
    enabled: !!input.application_id && !!input.product_id && input.scopes.length > 0 && input.duration_days > 0,
    retry: false,
    staleTime: 30_000,
  });

export const credentials = (query: Query = {}) =>
  list<T.Credential>("credentials", "/api/issuance/v1/credentials", query);

export const inventory = (query: Query = {}) => list<T.Stock>("credentials", "/api/issuance/v1/inventory", query);
export const stocktaking = () =>
  queryOptions({
    queryKey: ["credentials", "summary"],
    queryFn: ({ signal }) => get<T.Stocktaking>("/api/issuance/v1/inventory/summary", undefined, signal),
  });
export const revocations = () =>
  queryOptions({
    queryKey: ["revocations"],
    queryFn: async ({ signal }) => {
      const all = await get<T.Revocations>("/api/issuance/v1/revocations", undefined, signal);
      return { ...all, items: all.items ?? [] };
    },
  });
export const ending = (position: string) => detail<T.Ending>("endings", "/api/issuance/v1/endings", position);
export const leaks = (query: Query = {}) => list<T.Leak>("leaks", "/api/issuance/v1/leaks", query);
export const leak = (id: string, after?: string) =>
  queryOptions({
    queryKey: ["leaks", id, after],
    queryFn: async ({ signal }) => {
      const one = await get<T.LeakDetail>(`/api/issuance/v1/leaks/${encodeURIComponent(id)}`, { after }, signal);
      return { ...one, secrets: one.secrets ?? [], confirmed: one.confirmed ?? [], pending: one.pending ?? [] };
    },
  });
export const authorizers = () => list<T.Authorizer>("authorizers", "/api/issuance/v1/authorizers");
export const consents = (query: Query = {}) => list<T.Consent>("consents", "/api/issuance/v1/consents", query);
export const decision = (id: string) => detail<T.Decision>("decisions", "/api/gateway/v1/decisions", id);

export const organizations = (query: Query = {}) =>
  list<T.Organization>("organizations", "/api/identity/v1/organizations", query);
export const organization = (id: string) =>
  detail<T.Organization>("organizations", "/api/identity/v1/organizations", id);
export const people = (query: Query = {}) => list<T.Person>("people", "/api/identity/v1/people", query, wholePerson);
export const person = (id: string) => detail<T.Person>("people", "/api/identity/v1/people", id, wholePerson);
export const sessions = () => list<T.Session>("sessions", "/api/identity/v1/sessions");

export const records = (query: Query) =>
  infiniteQueryOptions({
    queryKey: ["records", query],
    queryFn: async ({ pageParam, signal }) =>
      filled(
        await get<T.Page<T.AuditRecord>>("/api/audit/v1/records", { ...query, after: pageParam || undefined }, signal),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
  });
export const record = (position: number) =>
  detail<T.AuditRecordDetail>("record", "/api/audit/v1/records", String(position));
export const proof = (position: number) => get<T.Proof>(`/api/audit/v1/records/${position}/proof`);
export const subscriptions = () => list<T.Subscription>("subscriptions", "/api/audit/v1/subscriptions");
export const subscription = (id: string) =>
  detail<T.SubscriptionDetail>("subscriptions", "/api/audit/v1/subscriptions", id);
export const eventTypes = () => list<T.EventType>("event-types", "/api/audit/v1/event-types");
