import type { LinkProps } from "@tanstack/react-router";
import {
  AppWindow,
  Building2,
  FileInput,
  KeyRound,
  Library,
  type LucideIcon,
  ScrollText,
  Stamp,
  Users,
  Webhook,
} from "lucide-react";
import type { Me, Role } from "@/api/types";
import { holds, readsApplications, readsCredentials, readsLeaks, readsRecords } from "@/lib/reach";

export interface NavItem {
  to: LinkProps["to"];
  text: string;
  icon: LucideIcon;
  /** Second key of the "g" sequence that goes there. */
  key: string;
  badge?: boolean;
}

const reviewers: Role[] = ["reviewer", "security_reviewer", "org_admin"];

/** The places of the portal for this person; what they hold no role for is not teased. */
export function navFor(me: Me): NavItem[] {
  const partner = me.organization.kind === "partner";
  const items: (NavItem | false)[] = [
    { to: "/catalogue", text: "Catalogue", icon: Library, key: "c" },
    readsApplications(me) && { to: "/applications", text: "Applications", icon: AppWindow, key: "a" },
    partner && { to: "/requests", text: "Requests", icon: FileInput, key: "q" },
    holds(me, ...reviewers) && { to: "/reviews", text: "Reviews", icon: Stamp, key: "r", badge: true },
    (readsCredentials(me) || readsLeaks(me)) && {
      to: readsCredentials(me) ? "/credentials" : "/leaks",
      text: "Credentials",
      icon: KeyRound,
      key: "k",
    },
    readsRecords(me) && {
      to: "/audit",
      text: "Audit",
      icon: ScrollText,
      key: "u",
    },
    readsRecords(me) && {
      to: "/subscriptions",
      text: "Subscriptions",
      icon: Webhook,
      key: "s",
    },
    { to: "/people", text: "People", icon: Users, key: "p" },
    { to: "/organizations", text: partner ? "Organisation" : "Organisations", icon: Building2, key: "o" },
  ];
  return items.filter((item) => item !== false);
}

/** Where a person starts: what their role is for. */
export function homeFor(me: Me): LinkProps["to"] {
  if (holds(me, "reviewer", "security_reviewer")) return "/reviews";
  if (holds(me, "auditor")) return "/audit";
  if (me.organization.kind === "partner" && holds(me, "app_owner")) return "/applications";
  return "/catalogue";
}
