import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import {
  AppWindow,
  ArrowRight,
  FileInput,
  Keyboard,
  KeyRound,
  Moon,
  Package,
  Plus,
  ScrollText,
  Sun,
} from "lucide-react";
import { Dialog } from "radix-ui";
import { type ReactNode, useState } from "react";
import { applications, products, requests } from "@/api/queries";
import type { Me } from "@/api/types";
import { useTheme } from "@/lib/preferences";
import { readsApplications, readsRecords } from "@/lib/reach";
import { navFor } from "./nav";

const icon = "size-4 shrink-0 text-faint";

/** Go anywhere, find anything, do the frequent things: Ctrl K. */
export function Palette({
  me,
  open,
  onOpenChange,
  onHelp,
}: {
  me: Me;
  open: boolean;
  onOpenChange(open: boolean): void;
  onHelp(): void;
}) {
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 animate-fade bg-[rgb(12_11_10/0.35)]" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-x-3 top-[12vh] z-50 mx-auto max-w-xl animate-rise overflow-hidden rounded-xl bg-raised shadow-float outline-none"
        >
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <PaletteBody me={me} close={() => onOpenChange(false)} onHelp={onHelp} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function PaletteBody({ me, close, onHelp }: { me: Me; close(): void; onHelp(): void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [theme, setTheme] = useTheme();
  const apps = useQuery({ ...applications({ limit: 50 }), staleTime: 30_000, enabled: readsApplications(me) });
  const items = useQuery({ ...products({ limit: 50 }), staleTime: 30_000 });
  const box = me.organization.kind === "partner" ? "mine" : "to_review";
  const open = useQuery({ ...requests({ box }), staleTime: 30_000 });
  const go = (to: () => Promise<void>) => () => {
    close();
    void to();
  };
  const position = /^#?(\d+)$/.exec(text.trim())?.[1];

  return (
    <Command label="Search and commands" loop>
      <Command.Input
        value={text}
        onValueChange={setText}
        placeholder="Go to, find, or do…"
        className="h-12 w-full border-b bg-transparent px-4 text-base outline-none placeholder:text-faint"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto p-1.5" label="Results">
        <Command.Empty className="px-3 py-8 text-center text-sm text-soft">Nothing found for “{text}”.</Command.Empty>
        {position && readsRecords(me) && (
          <Row
            value={`record ${text}`}
            icon={<ScrollText className={icon} />}
            onSelect={go(() => navigate({ to: "/audit", search: { open: position } }))}
          >
            Audit record {position}
          </Row>
        )}
        <Group heading="Do">
          {me.organization.kind === "partner" && (
            <>
              <Row
                value="register application new"
                icon={<Plus className={icon} />}
                onSelect={go(() => navigate({ to: "/applications/new" }))}
              >
                Register an application
              </Row>
              <Row
                value="request access"
                icon={<FileInput className={icon} />}
                onSelect={go(() => navigate({ to: "/access/new" }))}
              >
                Request access…
              </Row>
            </>
          )}
          <Row
            value="theme dark light"
            icon={theme === "dark" ? <Sun className={icon} /> : <Moon className={icon} />}
            onSelect={() => setTheme(theme === "dark" ? "light" : "dark")}
          >
            {theme === "dark" ? "Light theme" : "Dark theme"}
          </Row>
          <Row
            value="keyboard shortcuts help"
            icon={<Keyboard className={icon} />}
            hint="?"
            onSelect={() => {
              close();
              onHelp();
            }}
          >
            Keyboard shortcuts
          </Row>
        </Group>
        <Group heading="Go to">
          {navFor(me).map((item) => (
            <Row
              key={item.text}
              value={`go ${item.text}`}
              icon={<ArrowRight className={icon} />}
              hint={`g ${item.key}`}
              onSelect={go(() => navigate({ to: item.to }))}
            >
              {item.text}
            </Row>
          ))}
        </Group>
        {apps.data && apps.data.items.length > 0 && (
          <Group heading="Applications">
            {apps.data.items.map((app) => (
              <Row
                key={app.id}
                value={`${app.name} ${app.id} rotate revoke credentials`}
                icon={<AppWindow className={icon} />}
                onSelect={go(() => navigate({ to: "/applications/$id", params: { id: app.id } }))}
                hint={app.environment}
              >
                {app.name}
                {/rotate|revoke|key|cred/i.test(text) && (
                  <span className="inline-flex items-center gap-1 text-faint">
                    <KeyRound className="size-3" aria-hidden="true" /> credentials
                  </span>
                )}
              </Row>
            ))}
          </Group>
        )}
        {items.data && items.data.items.length > 0 && (
          <Group heading="Products">
            {items.data.items.map((p) => (
              <Row
                key={p.id}
                value={`${p.name} ${p.slug} ${p.id}`}
                icon={<Package className={icon} />}
                onSelect={go(() => navigate({ to: "/catalogue/$id", params: { id: p.id } }))}
              >
                {p.name}
              </Row>
            ))}
          </Group>
        )}
        {open.data && open.data.items.length > 0 && (
          <Group heading="Requests">
            {open.data.items.map((r) => (
              <Row
                key={r.id}
                value={`request ${r.id} ${r.product_name} ${r.application_name} ${r.scopes.join(" ")}`}
                icon={<FileInput className={icon} />}
                onSelect={go(() => navigate({ to: "/requests/$id", params: { id: r.id } }))}
              >
                <span className="truncate">
                  {r.product_name} for {r.application_name}
                </span>
              </Row>
            ))}
          </Group>
        )}
      </Command.List>
    </Command>
  );
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-faint"
    >
      {children}
    </Command.Group>
  );
}

function Row({
  value,
  icon: mark,
  hint,
  onSelect,
  children,
}: {
  value: string;
  icon: ReactNode;
  hint?: string;
  onSelect(): void;
  children: ReactNode;
}) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover"
    >
      <span aria-hidden="true">{mark}</span>
      {children}
      {hint && <span className="ml-auto text-xs text-faint">{hint}</span>}
    </Command.Item>
  );
}
