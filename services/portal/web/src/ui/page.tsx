import { Link, type LinkProps } from "@tanstack/react-router";
import clsx from "clsx";
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";

export interface Crumb {
  text: string;
  to?: LinkProps["to"];
  params?: LinkProps["params"];
  search?: LinkProps["search"];
}

interface HeaderProps {
  crumbs?: Crumb[];
  title: ReactNode;
  /** One line: owner, organisation, environment, state. */
  facts?: ReactNode;
  /** One primary button a view. */
  action?: ReactNode;
}

export function PageHeader({ crumbs, title, facts, action }: HeaderProps) {
  return (
    <header className="mb-6">
      {crumbs && (
        <nav aria-label="Breadcrumb" className="mb-2">
          <ol className="flex flex-wrap items-center gap-1 text-xs text-faint">
            {crumbs.map((crumb) => (
              <li key={crumb.text} className="flex items-center gap-1">
                <Link to={crumb.to} params={crumb.params} search={crumb.search} className="rounded py-1 hover:text-ink">
                  {crumb.text}
                </Link>
                <ChevronRight className="size-3" aria-hidden="true" />
              </li>
            ))}
          </ol>
        </nav>
      )}
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight break-words">{title}</h1>
          {facts && <div className="mt-1.5 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm text-soft">{facts}</div>}
        </div>
        {action && <div className="flex flex-wrap gap-2">{action}</div>}
      </div>
    </header>
  );
}

/** Tabs whose choice is in the URL, so they are links; the current one says so. */
export function TabLinks<T extends string>({
  label,
  current,
  tabs,
  linkFor,
}: {
  label: string;
  current: T;
  tabs: { id: T; text: string; count?: number }[];
  linkFor(id: T): LinkProps;
}) {
  return (
    <nav aria-label={label} className="mb-5 overflow-x-auto border-b">
      <ul className="-mb-px flex gap-5">
        {tabs.map((tab) => (
          <li key={tab.id}>
            <Link
              {...linkFor(tab.id)}
              aria-current={tab.id === current ? "page" : undefined}
              className={clsx(
                "flex h-9 items-center gap-1.5 whitespace-nowrap border-b-2 text-sm transition-colors focus-visible:-outline-offset-2",
                tab.id === current ? "border-ink font-medium text-ink" : "border-transparent text-soft hover:text-ink",
              )}
            >
              {tab.text}
              {tab.count !== undefined && tab.count > 0 && (
                <span className="rounded-full bg-sunken px-1.5 text-2xs font-medium text-soft">{tab.count}</span>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function Section({
  title,
  aside,
  children,
  className,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={className}>
      <div className="mb-2 flex items-baseline justify-between gap-4">
        <h2 className="text-sm font-semibold">{title}</h2>
        {aside && <div className="text-xs text-faint">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** Names and values under each other. */
export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="divide-y text-sm">
      {items.map(([name, value]) => (
        <div key={name} className="flex flex-wrap justify-between gap-x-4 py-2 first:pt-0 last:pb-0">
          <dt className="text-faint">{name}</dt>
          <dd className="min-w-0 text-right break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
