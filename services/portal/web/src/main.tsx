import "./styles.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { Tooltip } from "radix-ui";
import { createRoot } from "react-dom/client";
import { Problem } from "./api/problem";
import { createPortalRouter } from "./router";
import { Toasts } from "./ui/toast";

// What injects a <style> element (scroll locking inside dialogs) must carry the page's nonce.
const nonce = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.content;
if (nonce) setNonce(nonce);

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 500),
    },
  },
});
// A session that ended while the page stood open shows the sign-in page at the next read.
client.getQueryCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  const error = event.action.error as unknown;
  if (
    error instanceof Problem &&
    error.status === 401 &&
    event.query.queryKey[0] !== "me" &&
    error.code !== "step_up_required"
  ) {
    void client.invalidateQueries({ queryKey: ["me"] });
  }
});
const router = createPortalRouter(client);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={client}>
      <Tooltip.Provider delayDuration={300}>
        <RouterProvider router={router} />
        <Toasts />
      </Tooltip.Provider>
    </QueryClientProvider>,
  );
}
