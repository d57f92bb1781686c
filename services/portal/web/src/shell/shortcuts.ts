import { useEffect, useRef } from "react";
import { preference } from "@/lib/preferences";

// Single-key shortcuts, which a person can switch off (WCAG 2.1.4).

export const shortcutsOn = () => preference("shortcuts", "on") === "on";

export function typingIn(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
      !!target.closest("[role=dialog],[role=menu]"))
  );
}

function moveRow(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>("[data-rows] [data-row-link]")];
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[next]?.focus();
  links[next]?.scrollIntoView({ block: "nearest" });
}

interface Handlers {
  palette(): void;
  help(): void;
  /** Called with the second key of a "g" sequence. */
  go(key: string): void;
}

export function useShortcuts(handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    let armed = 0;
    function onKey(event: KeyboardEvent): void {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        latest.current.palette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || typingIn(event.target) || !shortcutsOn()) return;
      if (Date.now() - armed < 1200) {
        armed = 0;
        latest.current.go(event.key);
        return;
      }
      if (event.key === "g") armed = Date.now();
      else if (event.key === "?") latest.current.help();
      else if (event.key === "j") moveRow(1);
      else if (event.key === "k") moveRow(-1);
      else if (event.key === "/") {
        const search = document.querySelector<HTMLElement>("main input[type=search]");
        if (search) {
          event.preventDefault();
          search.focus();
        }
      }
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
