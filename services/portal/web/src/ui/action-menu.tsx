import clsx from "clsx";
import { Ellipsis } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import type { Allowance } from "@/api/types";
import { buttonClass } from "./button";
import { type ReasonAction, ReasonDialog, wasInterrupted } from "./reason-dialog";

export interface MenuAction extends ReasonAction {
  text: string;
  allowance: Allowance;
}

/** The less frequent commands on one thing. Forbidden ones stay, with the reason. */
export function ActionMenu({ label, actions }: { label: string; actions: MenuAction[] }) {
  const [open, setOpen] = useState<MenuAction | undefined>(() => actions.find((a) => wasInterrupted(a.key)));
  if (actions.length === 0) return null;
  return (
    <>
      <DropdownMenu.Root>
        <DropdownMenu.Trigger
          aria-label={label}
          className={buttonClass("plain", "md", "w-8.5 px-0 data-[state=open]:bg-hover")}
        >
          <Ellipsis className="size-4" aria-hidden="true" />
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content
            align="end"
            sideOffset={4}
            className="z-50 max-w-72 min-w-44 animate-rise rounded-lg bg-raised p-1 text-sm shadow-float"
          >
            {actions.map((action) => (
              <DropdownMenu.Item
                key={action.key}
                aria-disabled={!action.allowance.allowed || undefined}
                onSelect={(event) => (action.allowance.allowed ? setOpen(action) : event.preventDefault())}
                className={clsx(
                  "rounded-md px-2 py-1.5 outline-none select-none data-highlighted:bg-hover",
                  action.danger && action.allowance.allowed && "text-bad",
                  !action.allowance.allowed && "cursor-not-allowed text-faint",
                )}
              >
                {action.text}
                {!action.allowance.allowed && action.allowance.reason && (
                  <span className="block text-xs">{action.allowance.reason}</span>
                )}
              </DropdownMenu.Item>
            ))}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {open && <ReasonDialog action={open} close={() => setOpen(undefined)} />}
    </>
  );
}
