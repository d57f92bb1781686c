import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { personas } from "@/api/queries";
import { useTitle } from "@/lib/title";
import { signInUrl } from "@/shell/session";
import { Seal } from "@/ui/brand";
import { buttonClass, LinkButton } from "@/ui/button";

const promises: [string, string][] = [
  ["Registered", "Every application has two people who answer for it."],
  ["Approved", "Access is asked for, reviewed by people who had no part in it, and ends by itself."],
  ["Shown once", "A secret is displayed one time and is stored nowhere in clear."],
  ["Provable", "Each step is one record that anyone can verify, offline."],
];

/** What somebody without a session sees at any address; signing in leads back to that address. */
export function Landing() {
  useTitle("Sign in");
  const { data } = useQuery(personas());
  return (
    <main id="main" className="grid min-h-dvh lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <div className="flex flex-col justify-center px-6 py-12 sm:px-16">
        <div className="mx-auto w-full max-w-sm">
          <Seal className="size-11" />
          <h1 className="mt-6 text-2xl font-semibold tracking-tight">Sign in to Chancery</h1>
          <p className="mt-2 text-soft">
            You sign in with your organisation’s own account. There is no password to set here, and none to lose.
          </p>
          <a href={signInUrl()} className={buttonClass("primary", "md", "mt-6 h-10 w-full")}>
            Continue to sign in <ArrowRight className="size-4" aria-hidden="true" />
          </a>
          {data && data.items.length > 0 && (
            <LinkButton to="/personas" className="mt-2 h-10 w-full">
              Choose a persona of the development suite
            </LinkButton>
          )}
          <p className="mt-6 text-xs text-faint">
            Your organisation is not here yet? The person who invited you can have it registered.
          </p>
        </div>
      </div>
      <div className="hidden flex-col justify-center border-l bg-sunken px-16 lg:flex">
        <ol className="mx-auto max-w-md space-y-7">
          {promises.map(([title, text], i) => (
            <li key={title} className="relative flex gap-4">
              {i > 0 && <span aria-hidden="true" className="absolute -top-6 left-3 h-5 w-px bg-edge" />}
              <span className="mt-0.5 flex size-6 shrink-0 items-center justify-center rounded-full border border-edge bg-surface text-xs font-semibold text-soft">
                {i + 1}
              </span>
              <div>
                <h2 className="font-semibold">{title}</h2>
                <p className="text-soft">{text}</p>
              </div>
            </li>
          ))}
        </ol>
      </div>
    </main>
  );
}
