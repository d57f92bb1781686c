import type { Application } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { ActionMenu, type MenuAction } from "@/ui/action-menu";

const verbs: {
  id: string;
  text: string;
  description: string;
  done: string;
  danger?: boolean;
  when(state: string): boolean;
}[] = [
  {
    id: "suspend",
    text: "Suspend",
    description: "Its credentials are refused until it is resumed. Nothing ends.",
    done: "is suspended",
    when: (s) => s === "active" || s === "orphaned",
  },
  {
    id: "resume",
    text: "Resume",
    description: "Its credentials work again.",
    done: "is resumed",
    when: (s) => s === "suspended",
  },
  {
    id: "disable",
    text: "Disable",
    description:
      "Everything it was given ends now: requests, grants and credentials. Enabling it later revives none of it.",
    done: "is disabled",
    danger: true,
    when: (s) => !["disabled", "offboarded"].includes(s),
  },
  {
    id: "enable",
    text: "Enable",
    description: "It may request access again. What ended stays ended.",
    done: "is enabled",
    when: (s) => s === "disabled",
  },
  {
    id: "offboard",
    text: "Offboard",
    description: "It is gone for good, with everything it was given.",
    done: "is offboarded",
    danger: true,
    when: (s) => s !== "offboarded",
  },
];

export function ApplicationMenu({ of }: { of: Application }) {
  const actions: MenuAction[] = verbs
    .filter((verb) => verb.when(of.state))
    .map((verb) => ({
      key: `application.${verb.id}:${of.id}`,
      text: `${verb.text}…`,
      path: `/api/registry/v1/applications/${of.id}/${verb.id}`,
      title: `${verb.text} ${of.name}`,
      description: verb.description,
      button: `${verb.text} ${of.name}`,
      done: `${of.name} ${verb.done}`,
      danger: verb.danger,
      confirm: verb.danger ? of.name : undefined,
      refresh: ["applications", "grants", "credentials", "requests", "records"],
      allowance: allowance(of.allowed, verb.id),
    }));
  return <ActionMenu label="Actions on the application" actions={actions} />;
}
