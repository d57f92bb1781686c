import type { Filters } from "./cursor";

// The audit query bar: "type:issuance.credential.Revoked outcome:refused from:2026-11-01".

export const auditFields = [
  "type",
  "actor",
  "subject",
  "organization_id",
  "application_id",
  "outcome",
  "from",
  "to",
] as const;
export type AuditField = (typeof auditFields)[number];

const aliases: Record<string, AuditField> = {
  action: "type",
  organization: "organization_id",
  org: "organization_id",
  application: "application_id",
  app: "application_id",
  target: "subject",
};

/** Reads a query; words that name no known field are returned apart, so the screen can say so. */
export function parseQuery(text: string): { filters: Partial<Record<AuditField, string>>; unknown: string[] } {
  const filters: Partial<Record<AuditField, string>> = {};
  const unknown: string[] = [];
  for (const match of text.matchAll(/([a-z_]+):("([^"]*)"|\S+)|\S+/g)) {
    const name = match[1];
    const value = match[3] ?? match[2];
    const field = name ? (auditFields.find((f) => f === name) ?? aliases[name]) : undefined;
    if (field && value) filters[field] = value;
    else unknown.push(match[0]);
  }
  return { filters, unknown };
}

export function formatQuery(filters: Filters): string {
  return auditFields
    .filter((field) => filters[field])
    .map((field) => {
      const value = filters[field] ?? "";
      return `${field}:${/\s/.test(value) ? `"${value}"` : value}`;
    })
    .join(" ");
}
