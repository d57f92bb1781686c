import { type QueryClient, useQuery } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
  useRouterState,
} from "@tanstack/react-router";
import { me } from "./api/queries";
import { pick } from "./lib/cursor";
import { Landing } from "./screens/landing/landing";
import { homeFor } from "./shell/nav";
import { Shell } from "./shell/shell";
import { asProblem, Empty, ErrorPage, SkeletonPage } from "./ui/states";

const root = createRootRouteWithContext<{ client: QueryClient }>()({ component: Root, notFoundComponent: NotFound });

function Root() {
  const { data, error, isPending, refetch } = useQuery(me());
  const path = useRouterState({ select: (s) => s.location.pathname });
  if (path === "/personas" && !data) return <Outlet />;
  if (isPending) {
    return (
      <main className="mx-auto max-w-5xl p-8">
        <SkeletonPage />
      </main>
    );
  }
  if (data) return <Shell me={data} ended={asProblem(error ?? undefined).status === 401} />;
  if (asProblem(error).status === 401) return <Landing />;
  return (
    <main className="mx-auto max-w-xl p-8">
      <h1 className="mb-4 text-xl font-semibold">The portal cannot show your session</h1>
      <ErrorPage error={error} noun="session" onRetry={() => void refetch()} />
    </main>
  );
}

function NotFound() {
  return (
    <Empty page title="There is no page at this address">
      The link may be old, or it may name something your organisation may not see.
    </Empty>
  );
}

function Home() {
  const { data } = useQuery(me());
  return data ? <Navigate to={homeFor(data)} replace /> : null;
}

const index = createRoute({ getParentRoute: () => root, path: "/", component: Home });
const personas = createRoute({
  getParentRoute: () => root,
  path: "/personas",
  component: lazyRouteComponent(() => import("./screens/landing/personas"), "Personas"),
});
const catalogue = createRoute({
  getParentRoute: () => root,
  path: "/catalogue",
  validateSearch: (s) => pick(s, ["q", "class", "access"]),
  component: lazyRouteComponent(() => import("./screens/catalogue/list"), "Catalogue"),
});
export const productRoute = createRoute({
  getParentRoute: () => root,
  path: "/catalogue/$id",
  validateSearch: (s) => pick(s, ["tab", "q"]),
  component: lazyRouteComponent(() => import("./screens/catalogue/product"), "ProductPage"),
});
const applications = createRoute({
  getParentRoute: () => root,
  path: "/applications",
  validateSearch: (s) => pick(s, ["state", "q", "after"]),
  component: lazyRouteComponent(() => import("./screens/applications/list"), "Applications"),
});
const register = createRoute({
  getParentRoute: () => root,
  path: "/applications/new",
  component: lazyRouteComponent(() => import("./screens/applications/register"), "Register"),
});
const application = createRoute({
  getParentRoute: () => root,
  path: "/applications/$id",
  validateSearch: (s) => pick(s, ["tab"]),
  component: lazyRouteComponent(() => import("./screens/applications/application"), "ApplicationPage"),
});
const access = createRoute({
  getParentRoute: () => root,
  path: "/access/new",
  validateSearch: (s) => pick(s, ["application", "product", "step"]),
  component: lazyRouteComponent(() => import("./screens/access/wizard"), "Wizard"),
});
const requests = createRoute({
  getParentRoute: () => root,
  path: "/requests",
  validateSearch: (s) => pick(s, ["state", "after"]),
  component: lazyRouteComponent(() => import("./screens/reviews/mine"), "Requests"),
});
const request = createRoute({
  getParentRoute: () => root,
  path: "/requests/$id",
  component: lazyRouteComponent(() => import("./screens/reviews/request"), "RequestPage"),
});
const reviews = createRoute({
  getParentRoute: () => root,
  path: "/reviews",
  validateSearch: (s) => pick(s, ["box", "after"]),
  component: lazyRouteComponent(() => import("./screens/reviews/inbox"), "Inbox"),
});
const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  validateSearch: (s) =>
    pick(s, ["type", "actor", "subject", "organization_id", "application_id", "outcome", "from", "to", "open", "zone"]),
  component: lazyRouteComponent(() => import("./screens/audit/explorer"), "AuditExplorer"),
});
const inventory = createRoute({
  getParentRoute: () => root,
  path: "/credentials",
  validateSearch: (s) => pick(s, ["finding", "after"]),
  component: lazyRouteComponent(() => import("./screens/credentials/inventory"), "Inventory"),
});
const revocations = createRoute({
  getParentRoute: () => root,
  path: "/revocations",
  component: lazyRouteComponent(() => import("./screens/credentials/revocations"), "Revocations"),
});
const ending = createRoute({
  getParentRoute: () => root,
  path: "/revocations/$position",
  component: lazyRouteComponent(() => import("./screens/credentials/ending"), "EndingPage"),
});
const leaks = createRoute({
  getParentRoute: () => root,
  path: "/leaks",
  validateSearch: (s) => pick(s, ["after"]),
  component: lazyRouteComponent(() => import("./screens/credentials/leaks"), "Leaks"),
});
const leak = createRoute({
  getParentRoute: () => root,
  path: "/leaks/$id",
  validateSearch: (s) => pick(s, ["after"]),
  component: lazyRouteComponent(() => import("./screens/credentials/leak"), "LeakPage"),
});
const decisions = createRoute({
  getParentRoute: () => root,
  path: "/decisions",
  validateSearch: (s) => pick(s, ["id"]),
  component: lazyRouteComponent(() => import("./screens/credentials/decision"), "DecisionPage"),
});
const subscriptions = createRoute({
  getParentRoute: () => root,
  path: "/subscriptions",
  component: lazyRouteComponent(() => import("./screens/subscriptions/list"), "Subscriptions"),
});
const people = createRoute({
  getParentRoute: () => root,
  path: "/people",
  validateSearch: (s) => pick(s, ["organization", "q"]),
  component: lazyRouteComponent(() => import("./screens/people/list"), "People"),
});
const person = createRoute({
  getParentRoute: () => root,
  path: "/people/$id",
  component: lazyRouteComponent(() => import("./screens/people/person"), "PersonPage"),
});
const organizations = createRoute({
  getParentRoute: () => root,
  path: "/organizations",
  component: lazyRouteComponent(() => import("./screens/organizations/list"), "Organizations"),
});
const organization = createRoute({
  getParentRoute: () => root,
  path: "/organizations/$id",
  component: lazyRouteComponent(() => import("./screens/organizations/organization"), "OrganizationPage"),
});
const account = createRoute({
  getParentRoute: () => root,
  path: "/account",
  component: lazyRouteComponent(() => import("./screens/account/account"), "Account"),
});

const tree = root.addChildren([
  index,
  personas,
  catalogue,
  productRoute,
  applications,
  register,
  application,
  access,
  requests,
  request,
  reviews,
  audit,
  inventory,
  revocations,
  ending,
  leaks,
  leak,
  decisions,
  subscriptions,
  people,
  person,
  organizations,
  organization,
  account,
]);

export function createPortalRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: "intent",
    defaultPendingComponent: SkeletonPage,
    scrollRestoration: true,
    defaultErrorComponent: ({ error }) => <ErrorPage error={error} noun="page" onRetry={() => location.reload()} />,
    // Search values stay plain text in the address bar.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const pairs = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
      const query = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString();
      return query ? `?${query}` : "";
    },
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createPortalRouter>;
  }
}
