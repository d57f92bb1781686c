import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowRight } from "lucide-react";
import { me, personas } from "@/api/queries";
import { sentenceCase } from "@/lib/format";
import { useTitle } from "@/lib/title";
import { Wordmark } from "@/ui/brand";
import { PageHeader } from "@/ui/page";
import { Empty, ErrorPage, SkeletonRows } from "@/ui/states";

/** The people of a development suite: who they are, and the first thing worth doing as each. */
export function Personas() {
  useTitle("Personas");
  const session = useQuery(me());
  const body = <List />;
  if (session.data) return body;
  return (
    <main id="main" className="mx-auto max-w-4xl px-4 py-8 sm:px-8">
      <div className="mb-8">
        <Link to="/">
          <Wordmark />
        </Link>
      </div>
      {body}
    </main>
  );
}

function List() {
  const { data, error, isPending, refetch } = useQuery(personas());
  const byOrganization = Map.groupBy(data?.items ?? [], (p) => p.organization);
  return (
    <>
      <PageHeader title="Personas" facts="Sign in as any of them. Each has one good first task." />
      {isPending && <SkeletonRows />}
      {error && <ErrorPage error={error} noun="page" onRetry={() => void refetch()} />}
      {data && data.items.length === 0 && (
        <div className="panel">
          <Empty title="No personas here">They exist only in a development suite, where the world is made up.</Empty>
        </div>
      )}
      <div className="space-y-8">
        {[...byOrganization].map(([organization, people]) => (
          <section key={organization}>
            <h2 className="mb-2 text-sm font-semibold">{organization}</h2>
            <ul className="panel divide-y">
              {people.map((p) => (
                <li key={p.email}>
                  <a
                    href={p.sign_in_url}
                    className="group flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-3 transition-colors hover:bg-hover/60"
                  >
                    <span className="w-44">
                      <span className="block font-medium">{p.name}</span>
                      <span className="block text-xs text-faint">{sentenceCase(p.role)}</span>
                    </span>
                    <span className="min-w-0 flex-1 basis-56 text-sm text-soft">
                      <span className="sr-only">First task: </span>
                      {p.task}
                    </span>
                    <ArrowRight
                      className="size-4 text-faint transition-transform group-hover:translate-x-0.5 group-hover:text-ink"
                      aria-hidden="true"
                    />
                  </a>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  );
}
