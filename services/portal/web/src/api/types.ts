// What the services answer, by service.

export interface Page<T> {
  items: T[];
  next?: string;
}
export interface Allowance {
  allowed: boolean;
  reason?: string;
  code?: string;
}
/** The answer to a command that hands nothing out. */
export interface Receipt {
  id: string;
  position: number;
  repeated?: boolean;
}
export type Allowed = Record<string, Allowance>;

// identity

export type Role =
  | "viewer"
  | "app_owner"
  | "org_admin"
  | "product_owner"
  | "api_owner"
  | "reviewer"
  | "security_reviewer"
  | "auditor"
  | "platform_admin";

export interface Me {
  person: { id: string; name: string; email: string };
  organization: { id: string; name: string; kind: "provider" | "partner" };
  roles: Role[];
  session: { id: string; expires_at?: string; acr?: string; auth_time?: string; fresh_until?: string };
  permissions: string[];
}
export interface Name {
  name: string;
  email?: string;
}
export interface Persona {
  id?: string;
  name: string;
  email: string;
  role: string;
  organization: string;
  task: string;
  task_url: string;
  sign_in_url: string;
}
export interface Organization {
  id: string;
  name: string;
  kind: "provider" | "partner";
  state: "registered" | "verified" | "suspended" | "expired" | "closed";
  reason?: string;
  contract?: string;
  contract_ends_at?: string;
  verified_at?: string;
  verification_method?: string;
  single_sign_on?: {
    issuer: string;
    client_id: string;
    has_secret: boolean;
    domains: string[];
    group_roles: Record<string, string>;
  };
  registered_at: string;
  role_names: Role[];
  allowed?: Allowed;
}
export interface Person {
  id: string;
  organization_id: string;
  name?: string;
  email?: string;
  state: "active" | "locked" | "deprovisioned" | "erased";
  reason?: string;
  roles: Role[];
  role_origins?: { role: Role; origin: "claim" | "manual"; granted_at: string }[];
  provisioned_at: string;
  last_sign_in_at?: string;
  allowed?: Allowed;
}
export interface Session {
  id: string;
  current: boolean;
  started_at: string;
  expires_at: string;
  acr?: string;
  ip?: string;
  user_agent?: string;
}

// registry

export interface Scope {
  name: string;
  description?: string;
  risk: "low" | "medium" | "high";
}
export interface Operation {
  id: string;
  method: string;
  path: string;
  summary?: string;
  scopes: string[];
}
export interface Version {
  id: string;
  version: string;
  state: string;
  title?: string;
  submitted_at?: string;
  published_at?: string;
  sunset_at?: string;
}
export interface Product {
  id: string;
  slug: string;
  name: string;
  purpose: string;
  /** Empty until it is classified. */
  class: "public" | "partner" | "sensitive" | "";
  /** Empty until it is said. */
  audience: "internal" | "partner" | "public" | "";
  state: "draft" | "published" | "withdrawn" | "retired";
  version_id?: string;
  version?: string;
  organization_id: string;
  drafted_at: string;
  published_at?: string;
  my_access: "none" | "requested" | "granted";
}
export interface ProductDetail extends Product {
  /** Who holds each seat; told to the provider's own people. */
  seats?: Record<string, string[]>;
  audience_organization_ids?: string[];
  scopes: Scope[];
  operations: Operation[];
  versions: Version[];
  base_path: string;
  allowed?: Allowed;
}
export interface Application {
  id: string;
  name: string;
  purpose: string;
  environment: "sandbox" | "production";
  organization_id: string;
  state: "active" | "suspended" | "disabled" | "orphaned" | "offboarded";
  owner_id: string;
  backup_owner_id: string;
  orphaned_seats: string[];
  registered_at: string;
  contract_ends_at?: string;
  allowed?: Allowed;
}

// approval

export interface Content {
  application_id: string;
  organization_id: string;
  product_id: string;
  scopes: string[];
  environment: string;
  duration_seconds: number;
  class: string;
}
export interface Review {
  person_id: string;
  verdict: "approve" | "deny";
  at: string;
  comment?: string;
}
export interface Clause {
  seat: string;
  quorum: number;
  reviews?: Review[];
}
export interface Moment {
  type: "submitted" | "reviewed" | "approved" | "denied" | "withdrawn" | "expired" | "granted";
  at: string;
  actor_id?: string;
  actor_kind?: string;
  seat?: string;
  verdict?: "approve" | "deny";
  text?: string;
}
export interface AccessRequest {
  id: string;
  state: "submitted" | "in_review" | "approved" | "denied" | "withdrawn" | "expired";
  application_id: string;
  application_name: string;
  organization_id: string;
  product_id: string;
  product_name: string;
  scopes: string[];
  environment: string;
  class: string;
  duration_seconds: number;
  content_digest: string;
  policy: string;
  requester_id: string;
  grant_id?: string;
  decide_before: string;
  submitted_at: string;
  decided_at?: string;
  clauses: Clause[];
}
export interface AccessRequestDetail extends AccessRequest {
  content: Content;
  justification?: string;
  reason?: string;
  timeline: Moment[];
  allowed: Allowed;
}
export interface Preview {
  clauses: Clause[];
  policy: string;
  decided_by: "policy" | "people";
  reasons: string[];
}
export interface Submitted extends Receipt, Preview {
  content_digest: string;
}
export interface Grant {
  id: string;
  request_id: string;
  application_id: string;
  application_name: string;
  organization_id: string;
  product_id: string;
  product_name: string;
  scopes: string[];
  environment: string;
  class: string;
  state: "active" | "expired" | "revoked";
  reason?: string;
  content_digest: string;
  reviewer_ids: string[];
  until: string;
  activated_at: string;
  ended_at?: string;
  /** What a proposal to narrow it would take away. */
  unused_scopes?: string[];
  undo_until?: string;
  allowed?: Allowed;
}
/** What a grant gives beside what was used of it. */
export interface GrantUsage {
  id: string;
  scopes: {
    scope: string;
    used?: { calls: number; would_deny: number; first_used_at: string; last_used_at: string };
  }[];
  proposal?: {
    kept_scopes: string[];
    unused_scopes: string[];
    observed_from: string;
    observed_to: string;
    shadow_until: string;
  };
  undo_until?: string;
  allowed: Allowed;
}

// issuance

export interface Generation {
  number: number;
  hint: string;
  state: "active" | "overlap" | "retired" | "leaked" | "ended";
  reason?: string;
  created_at: string;
  expires_at: string;
  overlap_ends_at?: string;
  ended_at?: string;
}
export interface Credential {
  id: string;
  kind: Kind;
  name: string;
  grant_id: string;
  request_id: string;
  application_id: string;
  organization_id: string;
  product_id: string;
  scopes: string[];
  environment: string;
  class: string;
  state: "active" | "rotating" | "suspended" | "leaked" | "revoked" | "expired";
  reason?: string;
  ended_by?: string;
  issued_at: string;
  issued_by: string;
  expires_at: string;
  ended_at?: string;
  generations: Generation[];
  allowed: Allowed;
}
/** The answer to issuing and rotating. A repeat of the same command carries no secret: it is shown once. */
export type Kind = "api_key" | "client_secret" | "client_key" | "client_certificate" | "nats_user";
export interface Issued {
  id: string;
  generation: number;
  hint: string;
  secret?: string;
  certificate?: string;
  authorities?: string;
  shown: boolean;
  expires_at: string;
  position: number;
}

// audit

export interface AuditRecord {
  position: number;
  id: string;
  type: string;
  time: string;
  stream: "EVENTS" | "ACTIVITY";
  sequence: number;
  actor: { id: string; kind: string };
  subject: { id: string; kind: string };
  organization_id?: string;
  application_id?: string;
  product_id?: string;
  sentence: string;
  outcome: "success" | "failure";
  correlation_id?: string;
  source: { request_id?: string; ip?: string; user_agent?: string };
  leaf_hash: string;
  /** Kinds of personal values that nobody can read any more. */
  erased?: string[];
}
export interface AuditRecordDetail extends AuditRecord {
  json: unknown;
  ocsf: unknown;
  /** The bytes the leaf is made of, base64. */
  raw: string;
}
export interface Proof {
  leaf_index: number;
  leaf_hash: string;
  hashes: string[];
  checkpoint: string;
  verifier_key: string;
}
export interface Subscription {
  id: string;
  name: string;
  organization_id: string;
  application_id?: string;
  types: string[];
  organizations: string[];
  created_by: string;
  created_at: string;
  expires_at: string;
  after: number;
  ended_at?: string;
  reason?: string;
}
export interface SubscriptionDetail extends Subscription {
  consumer: string;
  filters: string[];
  pending: number;
  unacknowledged: number;
  allowed: Allowed;
}
/** The answer to subscribing; the seed of a key made here is in the first answer only. */
export interface Subscribed extends Receipt {
  stream: string;
  consumer: string;
  api_prefix: string;
  inbox_prefix: string;
  filters: string[];
  creds?: string;
  expires_at: string;
}
export interface EventType {
  type: string;
  title: string;
  sentence: string;
  feed: boolean;
}

// issuance: all credentials together, endings and authorizers

export const findings = ["orphaned", "over_scoped", "unused", "never_rotated", "ageing", "imported"] as const;
export type Finding = (typeof findings)[number];
export interface Stock {
  id: string;
  kind: string;
  name: string;
  grant_id: string;
  application_id: string;
  organization_id: string;
  product_id: string;
  environment: string;
  class: string;
  state: string;
  issued_at: string;
  expires_at: string;
  last_used_at?: string;
  rotations: number;
  scopes: string[];
  unused_scopes: string[];
  findings: Finding[];
}
export interface Stocktaking {
  total: { live: number; findings: Record<Finding, number> };
  organizations: { organization_id: string; live: number; findings: Record<Finding, number> }[];
}
export interface Thing {
  kind: string;
  id: string;
}
export interface Cause {
  position: number;
  id: string;
  type: string;
  at: string;
  of: Thing;
  actor_id?: string;
  actor_kind?: string;
}
export interface Revocation extends Cause {
  organization_id?: string;
  authorizers_ms: Record<string, number>;
  felt_ms: number;
}
export interface Revocations {
  items: Revocation[];
  count: number;
  p50_ms: number;
  p99_ms: number;
  max_ms: number;
}
export interface Ending {
  cause: Cause;
  count: number;
  kinds: Record<string, number>;
  ended: (Thing & { was: string; parents?: Thing[] })[];
  statement?: string;
  confirmed: string[];
  pending: string[];
}
export interface Authorizer {
  id: string;
  environment?: string;
  state: "member" | "silent" | "left";
  joined_at: string;
  position: number;
  last_heard_at?: string;
  ended_at?: string;
  reason?: string;
}
export interface Leak {
  id: string;
  source: "github" | "gitleaks" | "sarif" | "trufflehog" | "batch";
  reported_by: string;
  state: "received" | "closed";
  received_at: string;
  closed_at?: string;
  dead_at?: string;
  seconds_to_dead?: number;
  confirmed: string[];
  pending: string[];
}
export interface LeakedSecret {
  credential_id: string;
  generation: number;
  name: string;
  hint: string;
  application_id: string;
  organization_id: string;
  outcome: "ending" | "ended" | "revoked" | "ended_before";
  exposed_since?: string;
  ended_at?: string;
  position?: number;
  owners: string[];
  blast_radius: {
    since: string;
    requests: number;
    first_at?: string;
    last_at?: string;
    by_scope: Record<string, number>;
    by_network: Record<string, number>;
  };
}
export interface LeakDetail extends Leak {
  secrets: LeakedSecret[];
  next?: string;
}
export interface Consent {
  id: string;
  person_id: string;
  credential_id: string;
  application_id: string;
  organization_id: string;
  product_id: string;
  scopes: string[];
  given_at: string;
  expires_at: string;
  state: string;
  allowed?: Allowed;
}

// gateway

export interface Decision {
  authorizer: string;
  position: number;
  time: string;
  environment: string;
  verdict: "allow" | "deny";
  reason?: string;
  text: string;
  bundle: string;
  lease_age_seconds: number;
  credential_id?: string;
  generation?: number;
  token?: { id: string; expires_at: string; consent_id?: string };
  operation?: { id: string; method: string; path: string; version: string; product_id: string; scopes: string[] };
  missing_scope?: string;
  derived: { agrees: boolean; reason?: string; bundle: boolean; position: number };
  chain?: {
    grant_id?: string;
    granted_scopes?: string[];
    request_id?: string;
    reviewer_ids?: string[];
    policy?: string;
    application_id?: string;
    owner_id?: string;
    backup_owner_id?: string;
    steps?: { kind: string; id: string; fact: string; position: number; at: string }[];
  };
}
