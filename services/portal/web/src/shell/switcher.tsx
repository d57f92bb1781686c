import { Check, ChevronsUpDown } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { Me } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { type Environment, useEnvironment } from "@/lib/preferences";
import { Seal } from "@/ui/brand";

const words: Record<Environment, string> = {
  sandbox: "Synthetic data, to build and test with",
  production: "Real data, and people review every request",
};

/** Whose data one looks at and in which environment, said by word at the top of every screen. */
export function Switcher({ me }: { me: Me }) {
  const [environment, setEnvironment] = useEnvironment();
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className="flex w-full items-center gap-2.5 rounded-md p-1.5 text-left hover:bg-hover data-[state=open]:bg-hover">
        <Seal className="size-7 shrink-0" />
        <span className="min-w-0 flex-1">
          <span className="block truncate text-sm leading-4.5 font-semibold">{me.organization.name}</span>
          <span className="flex items-center gap-1.5 text-xs leading-4 text-faint">
            <svg
              viewBox="0 0 8 8"
              className={environment === "production" ? "size-2 text-seal" : "size-2"}
              aria-hidden="true"
              fill="currentColor"
            >
              {environment === "production" ? (
                <path d="M4 0l4 8H0z" />
              ) : (
                <rect x="0.5" y="0.5" width="7" height="7" rx="2" />
              )}
            </svg>
            {sentenceCase(environment)}
          </span>
        </span>
        <ChevronsUpDown className="size-3.5 shrink-0 text-faint" aria-hidden="true" />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          sideOffset={4}
          className="z-50 w-64 animate-rise rounded-lg bg-raised p-1 text-sm shadow-float"
        >
          <DropdownMenu.Label className="label px-2 py-1.5">Environment</DropdownMenu.Label>
          <DropdownMenu.RadioGroup value={environment} onValueChange={(value) => setEnvironment(value as Environment)}>
            {(["sandbox", "production"] as const).map((each) => (
              <DropdownMenu.RadioItem
                key={each}
                value={each}
                className="flex items-start gap-2 rounded-md px-2 py-1.5 outline-none data-highlighted:bg-hover"
              >
                <span className="flex-1">
                  <span className="block font-medium">{sentenceCase(each)}</span>
                  <span className="block text-xs text-faint">{words[each]}</span>
                </span>
                <DropdownMenu.ItemIndicator className="mt-1">
                  <Check className="size-4" aria-hidden="true" />
                </DropdownMenu.ItemIndicator>
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
