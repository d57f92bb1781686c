import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import clsx from "clsx";
import { Menu, RefreshCw, Search } from "lucide-react";
import { Dialog } from "radix-ui";
import { useEffect, useRef, useState } from "react";
import { useSyncing } from "@/api/freshness";
import { requests } from "@/api/queries";
import type { Me } from "@/api/types";
import { whileSomebodyLooks } from "@/lib/active";
import { useEnvironment } from "@/lib/preferences";
import { holds } from "@/lib/reach";
import { Wordmark } from "@/ui/brand";
import { IconButton } from "@/ui/button";
import { AccountMenu } from "./account";
import { Help } from "./help";
import { navFor } from "./nav";
import { NavList } from "./navlist";
import { Palette } from "./palette";
import { SessionWatch } from "./session";
import { useShortcuts } from "./shortcuts";
import { Switcher } from "./switcher";

export function Shell({ me, ended }: { me: Me; ended: boolean }) {
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const [drawer, setDrawer] = useState(false);
  const [environment] = useEnvironment();
  const navigate = useNavigate();
  const items = navFor(me);
  const reviews = items.some((item) => item.badge);
  const waiting = useQuery({
    ...requests({ box: "to_review" }),
    enabled: reviews,
    refetchInterval: whileSomebodyLooks(20_000),
  });
  const path = useRouterState({ select: (s) => s.location.pathname });
  const main = useRef<HTMLElement>(null);
  const syncing = useSyncing();

  useShortcuts({
    palette: () => setPalette(true),
    help: () => setHelp(true),
    go: (key) => {
      const item = items.find((i) => i.key === key);
      if (item) void navigate({ to: item.to });
    },
  });

  // A new screen is announced by moving focus to it, as a page load would.
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the path changes.
  useEffect(() => {
    setDrawer(false);
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);

  const badge = waiting.data?.items.length ?? 0;
  const nav = (
    <>
      <Switcher me={me} />
      <button
        type="button"
        onClick={() => setPalette(true)}
        className="mt-2 flex h-8 w-full items-center gap-2 rounded-md border bg-surface px-2.5 text-sm text-faint shadow-card hover:border-edge hover:text-ink"
      >
        <Search className="size-3.5" aria-hidden="true" />
        <span className="flex-1 text-left">Search</span>
        <kbd className="font-sans text-2xs">Ctrl K</kbd>
      </button>
      <NavList items={items} badge={badge} />
      <div className="mt-auto pt-4">
        <AccountMenu me={me} onHelp={() => setHelp(true)} />
      </div>
    </>
  );

  return (
    <div
      className={clsx("min-h-dvh border-t-2", environment === "production" ? "border-t-seal" : "border-t-transparent")}
    >
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:fixed focus:top-3 focus:left-3 focus:z-50 focus:rounded-md focus:bg-ink focus:px-3 focus:py-2 focus:text-on-ink"
      >
        Skip to content
      </a>
      <header className="flex items-center gap-2 border-b px-3 py-2 lg:hidden">
        <Dialog.Root open={drawer} onOpenChange={setDrawer}>
          <Dialog.Trigger asChild>
            <IconButton label="Menu">
              <Menu className="size-4.5" aria-hidden="true" />
            </IconButton>
          </Dialog.Trigger>
          <Dialog.Portal>
            <Dialog.Overlay className="fixed inset-0 z-40 animate-fade bg-[rgb(12_11_10/0.45)]" />
            <Dialog.Content
              aria-describedby={undefined}
              className="fixed inset-y-0 left-0 z-40 flex w-64 animate-fade flex-col overflow-y-auto bg-canvas p-3 shadow-float outline-none"
            >
              <Dialog.Title className="sr-only">Menu</Dialog.Title>
              {nav}
            </Dialog.Content>
          </Dialog.Portal>
        </Dialog.Root>
        <Wordmark />
        <IconButton label="Search and commands" className="ml-auto" onClick={() => setPalette(true)}>
          <Search className="size-4.5" aria-hidden="true" />
        </IconButton>
      </header>
      <aside className="fixed inset-y-0 left-0 hidden w-54 flex-col overflow-y-auto border-r bg-canvas p-3 pt-3.5 lg:flex">
        {nav}
      </aside>
      <main id="main" ref={main} tabIndex={-1} className="outline-none lg:pl-54">
        <div className="mx-auto max-w-6xl px-4 py-6 sm:px-8 sm:py-8">
          <Outlet />
        </div>
      </main>
      <div role="status" className="pointer-events-none fixed top-3 right-4 z-30">
        {syncing && (
          <span className="inline-flex animate-fade items-center gap-1.5 rounded-full bg-raised px-2.5 py-1 text-xs text-soft shadow-float">
            <RefreshCw className="size-3 animate-spin" aria-hidden="true" /> Syncing
          </span>
        )}
      </div>
      <Palette me={me} open={palette} onOpenChange={setPalette} onHelp={() => setHelp(true)} />
      <Help items={items} open={help} onOpenChange={setHelp} reviewer={holds(me, "reviewer", "security_reviewer")} />
      <SessionWatch me={me} ended={ended} />
    </div>
  );
}
