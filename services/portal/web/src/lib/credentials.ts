import type { Credential, Generation } from "@/api/types";

/** Generations, the newest first. */
export function newestFirst(of: Credential): Generation[] {
  return [...(of.generations ?? [])].sort((a, b) => b.number - a.number);
}

/** What may be shown of the value in force. */
export function hintOf(of: Credential): string {
  return newestFirst(of)[0]?.hint ?? "";
}

export const works = (g: Generation) => g.state === "active" || g.state === "overlap";
