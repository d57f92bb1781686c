import { useSyncExternalStore } from "react";

// What a person set on this browser. The theme is a cookie, because the server writes it into the first byte of the page.

export type Theme = "system" | "light" | "dark";
export type Environment = "sandbox" | "production";

const listeners = new Set<() => void>();

function read(name: string): string | null {
  try {
    return localStorage.getItem(`chancery.${name}`);
  } catch {
    return null;
  }
}

export function preference(name: string, fallback: string): string {
  return read(name) ?? fallback;
}

export function setPreference(name: string, value: string): void {
  try {
    localStorage.setItem(`chancery.${name}`, value);
  } catch {
    // A browser that keeps nothing still shows the change until it is closed.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePreference(name: string, fallback: string): [string, (value: string) => void] {
  const value = useSyncExternalStore(subscribe, () => preference(name, fallback));
  return [value, (next) => setPreference(name, next)];
}

export function useEnvironment(): [Environment, (value: Environment) => void] {
  const [value, set] = usePreference("environment", "sandbox");
  return [value === "production" ? "production" : "sandbox", set];
}

export function storedTheme(): Theme {
  const theme = /(?:^|; )theme=(light|dark)/.exec(document.cookie)?.[1];
  return theme === "light" || theme === "dark" ? theme : "system";
}

export function setTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the server reads it, and the Cookie Store API is not everywhere.
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  for (const listener of listeners) listener();
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(subscribe, storedTheme), setTheme];
}
