import clsx from "clsx";
import { type ComponentProps, type ReactNode, useId } from "react";

const control =
  "w-full rounded-md border border-edge bg-surface px-2.5 text-sm text-ink shadow-card transition-colors placeholder:text-faint hover:border-faint focus-visible:outline-offset-0 disabled:opacity-60 aria-invalid:border-bad";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string;
  children(props: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }): ReactNode;
}

/** A label, a control, its hint and its own error, tied together for assistive technology. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children({
        id,
        "aria-describedby": described || undefined,
        ...(error ? { "aria-invalid": true as const } : {}),
      })}
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-faint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="mt-1 text-xs font-medium text-bad">
          {error}
        </p>
      )}
    </div>
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={clsx(control, "h-8.5", className)} {...rest} />;
}

export function TextArea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={clsx(control, "py-2", className)} {...rest} />;
}

export function Select({ className, children, ...rest }: ComponentProps<"select">) {
  return (
    <span className="relative block">
      <select className={clsx(control, "h-8.5 appearance-none pr-8", className)} {...rest}>
        {children}
      </select>
      <svg
        viewBox="0 0 10 6"
        className="pointer-events-none absolute top-3.75 right-3 w-2.5 text-faint"
        aria-hidden="true"
      >
        <path d="M1 1l4 4 4-4" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
      </svg>
    </span>
  );
}

export function Checkbox({ className, ...rest }: ComponentProps<"input">) {
  return <input type="checkbox" className={clsx("mt-0.75 size-4 shrink-0 accent-accent", className)} {...rest} />;
}

/** Choices laid out as cards, one of which is taken. */
export function Choices<T extends string>(props: {
  legend: string;
  name: string;
  value: T;
  onChange(value: T): void;
  options: { value: T; title: string; text?: string; disabled?: boolean }[];
  columns?: string;
}) {
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-medium">{props.legend}</legend>
      <div className={clsx("grid gap-2", props.columns ?? "sm:grid-cols-2")}>
        {props.options.map((option) => (
          <label
            key={option.value}
            className={clsx(
              "flex cursor-pointer gap-2.5 rounded-lg border px-3 py-2.5 transition-colors has-focus-visible:outline-2 has-focus-visible:outline-accent",
              props.value === option.value ? "border-accent bg-accent-wash" : "border-edge bg-surface hover:bg-hover",
              option.disabled && "cursor-not-allowed opacity-55",
            )}
          >
            <input
              type="radio"
              name={props.name}
              value={option.value}
              checked={props.value === option.value}
              disabled={option.disabled}
              onChange={() => props.onChange(option.value)}
              className="mt-0.75 size-4 shrink-0 accent-accent outline-none"
            />
            <span>
              <span className="block text-sm font-medium">{option.title}</span>
              {option.text && <span className="block text-xs text-soft">{option.text}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
