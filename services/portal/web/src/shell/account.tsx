import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Keyboard, LogOut, Monitor, Moon, Sun, UserRound, UsersRound } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useRef } from "react";
import { personas } from "@/api/queries";
import type { Me } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { type Theme, useTheme } from "@/lib/preferences";
import { Avatar } from "@/ui/named";

const item = "flex h-8 items-center gap-2 rounded-md px-2 outline-none select-none data-highlighted:bg-hover";
const icon = "size-4 text-faint";

export function AccountMenu({ me, onHelp }: { me: Me; onHelp(): void }) {
  const [theme, setTheme] = useTheme();
  const navigate = useNavigate();
  const { data } = useQuery(personas());
  const signOut = useRef<HTMLFormElement>(null);
  return (
    <>
      <form ref={signOut} method="post" action="/auth/sign-out" hidden />
      <DropdownMenu.Root>
        <DropdownMenu.Trigger className="flex w-full items-center gap-2.5 rounded-md p-1.5 text-left hover:bg-hover data-[state=open]:bg-hover">
          <Avatar id={me.person.id} size={26} />
          <span className="min-w-0">
            <span className="block truncate text-sm leading-4.5 font-medium">{me.person.name}</span>
            <span className="block truncate text-xs leading-4 text-faint">
              {me.roles.map(sentenceCase).join(", ") || "No role"}
            </span>
          </span>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content
            side="top"
            align="start"
            sideOffset={4}
            className="z-50 w-56 animate-rise rounded-lg bg-raised p-1 text-sm shadow-float"
          >
            <DropdownMenu.Label className="truncate px-2 py-1.5 text-xs text-faint">
              {me.person.email}
            </DropdownMenu.Label>
            <DropdownMenu.Item className={item} onSelect={() => void navigate({ to: "/account" })}>
              <UserRound className={icon} aria-hidden="true" /> Your account
            </DropdownMenu.Item>
            <DropdownMenu.Item className={item} onSelect={onHelp}>
              <Keyboard className={icon} aria-hidden="true" /> Keyboard shortcuts
            </DropdownMenu.Item>
            <DropdownMenu.Separator className="my-1 h-px bg-line" />
            <DropdownMenu.RadioGroup value={theme} onValueChange={(value) => setTheme(value as Theme)}>
              <DropdownMenu.Label className="label px-2 pt-1">Theme</DropdownMenu.Label>
              {(
                [
                  ["system", "As the system", Monitor],
                  ["light", "Light", Sun],
                  ["dark", "Dark", Moon],
                ] as const
              ).map(([value, text, Icon]) => (
                <DropdownMenu.RadioItem
                  key={value}
                  value={value}
                  className={item}
                  onSelect={(event) => event.preventDefault()}
                >
                  <Icon className={icon} aria-hidden="true" />
                  <span className="flex-1">{text}</span>
                  <DropdownMenu.ItemIndicator aria-hidden="true">✓</DropdownMenu.ItemIndicator>
                </DropdownMenu.RadioItem>
              ))}
            </DropdownMenu.RadioGroup>
            <DropdownMenu.Separator className="my-1 h-px bg-line" />
            {data && data.items.length > 0 && (
              <DropdownMenu.Item className={item} onSelect={() => void navigate({ to: "/personas" })}>
                <UsersRound className={icon} aria-hidden="true" /> Personas
              </DropdownMenu.Item>
            )}
            <DropdownMenu.Item className={item} onSelect={() => signOut.current?.submit()}>
              <LogOut className={icon} aria-hidden="true" /> Sign out
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
    </>
  );
}
