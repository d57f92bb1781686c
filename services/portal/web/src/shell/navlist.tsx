import { Link } from "@tanstack/react-router";
import type { NavItem } from "./nav";

export function NavList({ items, badge }: { items: NavItem[]; badge: number }) {
  return (
    <nav aria-label="Main" className="mt-4">
      <ul className="space-y-0.5">
        {items.map((item) => (
          <li key={item.text}>
            <Link
              to={item.to}
              className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-sm font-medium text-soft transition-colors hover:bg-hover hover:text-ink aria-[current=page]:bg-sunken aria-[current=page]:text-ink"
            >
              <item.icon className="size-4 shrink-0" aria-hidden="true" strokeWidth={1.75} />
              {item.text}
              {item.badge && badge > 0 && (
                <span className="ml-auto rounded-full bg-ink px-1.5 text-2xs leading-4.5 font-semibold text-on-ink">
                  {badge}
                  <span className="sr-only"> waiting for you</span>
                </span>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
