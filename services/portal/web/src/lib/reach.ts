import type { Me, Role } from "@/api/types";

// What a person's roles let them read, so that a screen does not ask for what would be refused. The services decide.

export function holds(me: Me, ...roles: Role[]): boolean {
  return roles.some((role) => me.roles.includes(role));
}

export const isPartner = (me: Me) => me.organization.kind === "partner";

export const readsApplications = (me: Me) =>
  isPartner(me) || holds(me, "platform_admin", "auditor", "security_reviewer");

export const readsCredentials = (me: Me) =>
  holds(me, "viewer", "app_owner", "org_admin", "auditor", "platform_admin", "product_owner", "api_owner");

export const readsRecords = (me: Me) => holds(me, "org_admin", "auditor", "platform_admin");

export const readsEveryone = (me: Me) => holds(me, "platform_admin", "auditor");

export const readsTrees = (me: Me) => holds(me, "app_owner", "org_admin", "auditor", "platform_admin");

export const readsAuthorizers = (me: Me) => holds(me, "platform_admin", "auditor", "security_reviewer");

export const readsLeaks = (me: Me) =>
  holds(me, "viewer", "app_owner", "org_admin", "auditor", "platform_admin", "security_reviewer");

export const sendsReports = (me: Me) => holds(me, "app_owner", "org_admin", "platform_admin", "security_reviewer");
