import { Link, type LinkProps } from "@tanstack/react-router";
import clsx from "clsx";
import { type ComponentProps, type ReactNode, useId } from "react";
import type { Allowance } from "@/api/types";
import { Tip } from "./tip";

type Tone = "primary" | "plain" | "quiet" | "danger";
type Size = "sm" | "md";

export function buttonClass(tone: Tone = "plain", size: Size = "md", className?: string): string {
  return clsx(
    "inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium transition-colors select-none",
    size === "sm" ? "h-7 px-2.5 text-xs" : "h-8.5 px-3 text-sm",
    tone === "primary" && "bg-ink text-on-ink hover:bg-ink/85",
    tone === "plain" && "border border-edge bg-surface text-ink shadow-card hover:bg-hover",
    tone === "quiet" && "text-soft hover:bg-hover hover:text-ink",
    tone === "danger" && "bg-bad-fill text-[#fff] hover:opacity-90",
    "disabled:cursor-not-allowed disabled:opacity-55 aria-disabled:cursor-not-allowed aria-disabled:opacity-55",
    className,
  );
}

interface ButtonProps extends ComponentProps<"button"> {
  tone?: Tone;
  size?: Size;
  busy?: boolean;
}

export function Button({ tone, size, busy, className, children, disabled, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={buttonClass(tone, size, className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}

/** A control that the server may forbid: then it stays in place, disabled, with the reason beside it for everyone. */
export function GuardedButton({ allowance, ...props }: ButtonProps & { allowance: Allowance }) {
  const reasonId = useId();
  if (allowance.allowed) return <Button {...props} />;
  const { tone, size, className, children } = props;
  return (
    <>
      <Tip text={allowance.reason ?? "You may not do this here."}>
        <button
          type="button"
          aria-disabled="true"
          aria-describedby={reasonId}
          aria-label={props["aria-label"]}
          className={buttonClass(tone, size, className)}
          onClick={(event) => event.preventDefault()}
        >
          {children}
        </button>
      </Tip>
      <span id={reasonId} className="sr-only">
        {allowance.reason}
      </span>
    </>
  );
}

export function LinkButton({
  tone,
  size,
  className,
  ...rest
}: LinkProps & { tone?: Tone; size?: Size; className?: string; children?: ReactNode }) {
  return <Link {...rest} className={buttonClass(tone, size, className)} />;
}

export function Spinner() {
  return (
    <svg viewBox="0 0 16 16" className="size-3.5 animate-spin" aria-hidden="true">
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeOpacity="0.25" strokeWidth="2" />
      <path d="M14 8a6 6 0 0 0-6-6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}

export function IconButton({ label, className, children, ...rest }: ComponentProps<"button"> & { label: string }) {
  return (
    <Tip text={label}>
      <button
        type="button"
        aria-label={label}
        className={clsx(
          "inline-flex size-7 shrink-0 items-center justify-center rounded-md text-faint transition-colors hover:bg-hover hover:text-ink",
          className,
        )}
        {...rest}
      >
        {children}
      </button>
    </Tip>
  );
}
