import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useState } from "react";
import { useName } from "@/api/names";
import { organization, person } from "@/api/queries";
import type { Person, Role } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { ActionMenu, type MenuAction } from "@/ui/action-menu";
import { StateBadge } from "@/ui/badge";
import { GuardedButton } from "@/ui/button";
import { Id } from "@/ui/copy";
import { Avatar, Named } from "@/ui/named";
import { Facts, PageHeader, Section } from "@/ui/page";
import { ReasonDialog, wasInterrupted } from "@/ui/reason-dialog";
import { ErrorPage, SkeletonPage } from "@/ui/states";
import { Time } from "@/ui/time";
import { Activity } from "../applications/activity";
import { GrantRole } from "./role";

const verbs: {
  id: string;
  action?: string;
  text: string;
  description: string;
  done: string;
  danger?: boolean;
  when(state: string): boolean;
}[] = [
  {
    id: "end-sessions",
    text: "End every session",
    description: "They are signed out everywhere and may sign in again.",
    done: "Every session is ended",
    when: (s) => s === "active",
  },
  {
    id: "lock",
    text: "Lock",
    description: "Sign-in is barred until unlocked, and every session ends.",
    done: "The person is locked",
    when: (s) => s === "active",
  },
  {
    id: "unlock",
    text: "Unlock",
    description: "They may sign in again.",
    done: "The person is unlocked",
    when: (s) => s === "locked",
  },
  {
    id: "deprovision",
    text: "Deprovision",
    description:
      "They have left: sessions end, and so does everything that acts for them. Applications they own are marked orphaned.",
    done: "The person is deprovisioned",
    danger: true,
    when: (s) => s !== "deprovisioned" && s !== "erased",
  },
  {
    id: "erase",
    text: "Erase personal data",
    description: "Their name and address cannot be read from then on, by anyone, in any record. Proofs stay good.",
    done: "The personal data is erased",
    danger: true,
    when: (s) => s === "deprovisioned",
  },
];

export function PersonPage() {
  const { id } = useParams({ from: "/people/$id" });
  const { data, error, isPending, refetch } = useQuery(person(id));
  const name = useName(data && !data.name ? id : undefined);
  const shown = data?.name ?? name?.name ?? id;
  useTitle(data ? shown : undefined, "People");
  if (isPending) return <SkeletonPage />;
  if (!data) return <ErrorPage error={error} noun="person" id={id} onRetry={() => void refetch()} />;
  const actions: MenuAction[] = verbs
    .filter((v) => v.when(data.state))
    .map((v) => ({
      key: `person.${v.id}:${id}`,
      text: `${v.text}…`,
      path: `/api/identity/v1/people/${id}/${v.id}`,
      title: `${v.text}: ${shown}`,
      description: v.description,
      button: v.text,
      done: v.done,
      danger: v.danger,
      confirm: v.danger ? shown : undefined,
      refresh: ["people", "records", "name"],
      allowance: allowance(data.allowed, v.id.replace("-", "_")),
    }));
  return (
    <>
      <PageHeader
        crumbs={[{ text: "People", to: "/people" }]}
        title={
          <span className="flex items-center gap-3">
            <Avatar id={id} size={36} /> {shown}
          </span>
        }
        facts={
          <>
            <StateBadge state={data.state} />
            <Named id={data.organization_id} />
            <span>{data.email ?? name?.email}</span>
          </>
        }
        action={<ActionMenu label="Actions on the person" actions={actions} />}
      />
      <div className="grid grid-cols-1 gap-8 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <Section title="Activity">
          <Activity query={{ actor: id }} />
        </Section>
        <div className="space-y-6">
          <Roles of={data} />
          <Section title="Facts">
            <div className="panel px-4 py-3">
              <Facts
                items={[
                  ["Last sign-in", <Time key="t" at={data.last_sign_in_at} />],
                  ["Person id", <Id key="i" id={id} what="person id" />],
                ]}
              />
            </div>
          </Section>
        </div>
      </div>
    </>
  );
}

function Roles({ of }: { of: Person }) {
  const interruptedRole = of.roles.find((role) => wasInterrupted(`role.revoke:${of.id}:${role}`));
  const [taking, setTaking] = useState<Role | undefined>(interruptedRole);
  const org = useQuery({ ...organization(of.organization_id), retry: false });
  const claimed = (role: Role) => of.role_origins?.some((r) => r.role === role && r.origin === "claim");
  const take = (role: Role) =>
    claimed(role)
      ? { allowed: false, reason: "It comes from a group at the identity provider. Take it there." }
      : allowance(org.data?.allowed, "revoke_role");
  return (
    <Section title="Roles">
      <div className="panel">
        <ul className="divide-y">
          {of.roles.length === 0 && (
            <li className="px-4 py-3 text-sm text-soft">No role: they see the catalogue and nothing else.</li>
          )}
          {of.roles.map((role) => (
            <li key={role} className="flex items-center justify-between gap-2 px-4 py-2 text-sm">
              {sentenceCase(role)}
              <GuardedButton
                size="sm"
                tone="quiet"
                allowance={take(role)}
                aria-label={`Take the role ${sentenceCase(role)}`}
                onClick={() => setTaking(role)}
              >
                <X className="size-3.5" aria-hidden="true" />
              </GuardedButton>
            </li>
          ))}
        </ul>
        <div className="border-t p-3">
          <GrantRole
            of={of}
            roles={org.data?.role_names ?? []}
            allowance={allowance(org.data?.allowed, "grant_role")}
          />
        </div>
      </div>
      {taking && (
        <ReasonDialog
          close={() => setTaking(undefined)}
          action={{
            key: `role.revoke:${of.id}:${taking}`,
            path: `/api/identity/v1/organizations/${of.organization_id}/roles/revoke`,
            title: `Take the role ${sentenceCase(taking)}`,
            description: "What they may do because of it ends at once.",
            button: "Take the role",
            done: "The role is taken",
            danger: true,
            refresh: ["people", "records"],
            extra: { person_id: of.id, role: taking },
          }}
        />
      )}
    </Section>
  );
}
