import { useQuery } from "@tanstack/react-query";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { me, sessions } from "@/api/queries";
import { sentenceCase } from "@/lib/format";
import { type Theme, usePreference, useTheme } from "@/lib/preferences";
import { useTitle } from "@/lib/title";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Checkbox, Choices } from "@/ui/field";
import { Facts, PageHeader, Section } from "@/ui/page";
import { asProblem, ProblemNote, SkeletonPage, SkeletonRows } from "@/ui/states";
import { Time } from "@/ui/time";
import { toast } from "@/ui/toast";
import { Consents } from "./consents";

export function Account() {
  useTitle("Your account");
  const { data: self } = useQuery(me());
  const [theme, setTheme] = useTheme();
  const [shortcuts, setShortcuts] = usePreference("shortcuts", "on");
  if (!self) return <SkeletonPage />;
  return (
    <>
      <PageHeader title="Your account" facts={self.person.email} />
      <div className="grid grid-cols-1 gap-8 lg:grid-cols-2">
        <Section title="You">
          <div className="panel px-4 py-3">
            <Facts
              items={[
                ["Name", self.person.name],
                ["Organisation", self.organization.name],
                ["Roles", self.roles.map(sentenceCase).join(", ") || "None"],
              ]}
            />
          </div>
        </Section>
        <Section title="Appearance and keys">
          <div className="panel space-y-4 p-4">
            <Choices<Theme>
              legend="Theme"
              name="theme"
              columns="grid-cols-3"
              value={theme}
              onChange={setTheme}
              options={[
                { value: "system", title: "System" },
                { value: "light", title: "Light" },
                { value: "dark", title: "Dark" },
              ]}
            />
            <label className="flex gap-2 text-sm">
              <Checkbox checked={shortcuts === "on"} onChange={(e) => setShortcuts(e.target.checked ? "on" : "off")} />
              Use single-key shortcuts
            </label>
          </div>
        </Section>
      </div>
      <Section title="Where you are signed in" className="mt-8">
        <Sessions current={self.session.id} />
      </Section>
      <Section title="Applications that act for you" className="mt-8">
        <Consents person={self.person.id} />
      </Section>
    </>
  );
}

function Sessions({ current }: { current: string }) {
  const { data, error, isPending, refetch } = useQuery(sessions());
  const end = useCommand({
    key: "session.end",
    run: (session: string, id) => post(`/api/identity/v1/sessions/${session}/end`, {}, id),
    refresh: ["sessions"],
    onDone: () => toast("The session is ended"),
  });
  if (error && !data) return <ProblemNote problem={asProblem(error)} onRetry={() => void refetch()} />;
  return (
    <div className="panel">
      {isPending && <SkeletonRows rows={2} label="Loading sessions" />}
      {end.problem && <ProblemNote problem={end.problem} focus />}
      <ul className="divide-y">
        {data?.items.map((s) => (
          <li key={s.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 text-sm">
            <span className="min-w-0 flex-1 basis-60">
              <span className="block truncate">{s.user_agent ?? "A browser"}</span>
              <span className="block text-xs text-faint">
                {s.ip && `${s.ip}, `}since <Time at={s.started_at} />, ends <Time at={s.expires_at} />
              </span>
            </span>
            {s.current || s.id === current ? (
              <Badge tone="good">This one</Badge>
            ) : (
              <Button size="sm" busy={end.running} onClick={() => end.run(s.id)}>
                End session
              </Button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
