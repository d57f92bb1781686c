// Every screen in light and dark, wide and narrow, and in each of its four states.
import { accessible, base, check, eventually, noSidewaysScroll, person, settle, signIn, visit } from "./harness.mjs";
import { cast } from "./story.mjs";

const narrow = { width: 360, height: 780 };
const wide = { width: 1280, height: 860 };

const screens = [
  {
    email: cast.owner,
    paths: [
      "/catalogue",
      "/applications",
      "/applications/new",
      "/access/new",
      "/requests",
      "/people",
      "/organizations",
      "/subscriptions",
      "/credentials",
      "/revocations",
      "/leaks",
      "/decisions",
      "/account",
      "/personas",
    ],
    lists: ["/catalogue", "/applications", "/requests", "/revocations", "/leaks"],
  },
  { email: cast.reviewers[1], paths: ["/reviews", "/reviews?box=decided"], lists: ["/reviews"] },
  {
    email: cast.auditor,
    paths: ["/audit", "/audit?outcome=failure", "/organizations", "/credentials", "/revocations", "/leaks"],
    lists: ["/audit"],
  },
];

/** Follows the first row of a list, so that the pages behind lists are looked at too. */
async function deeper(who, from) {
  await visit(who, from);
  const row = who.page.locator("[data-row-link][href]").first();
  return (await row.count()) > 0 ? new URL(await row.getAttribute("href"), base).pathname : undefined;
}

async function look(who, path, name) {
  for (const [size, word] of [
    [wide, "wide"],
    [narrow, "narrow"],
  ]) {
    await who.page.setViewportSize(size);
    await visit(who, path);
    if (size === narrow) await noSidewaysScroll(who.page, name);
    for (const scheme of ["light", "dark"]) {
      await who.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await accessible(who.page, `${name}, ${word}, ${scheme}`);
    }
    await who.page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  }
  await who.page.setViewportSize(wide);
}

/** The watch over the page must see a violation when there is one: with a wrong nonce a dialog's style is blocked. */
async function negativeControl(browser, all) {
  const who = await person(browser, cast.owner);
  await signIn(who, all);
  await who.page.route(`${base}/catalogue`, async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/(name="csp-nonce" content=")[^"]*/, "$1wrong");
    await route.fulfill({ response, body });
  });
  await visit(who, "/catalogue");
  await who.page.keyboard.press("Control+k");
  await who.page.getByRole("dialog").waitFor();
  const seen = await eventually(() => who.trouble.some((line) => line.includes("content security policy")));
  check("a wrong nonce is seen as a policy violation", seen);
  await who.context.close();
}

export async function sweep(browser, all) {
  await negativeControl(browser, all);
  const nobody = await person(browser, "");
  await look(nobody, "/", "landing");
  await look(nobody, "/personas", "personas, signed out");
  nobody.checkTrouble("landing");
  await nobody.context.close();

  for (const { email, paths, lists } of screens) {
    const who = await person(browser, email);
    await signIn(who, all);
    for (const path of paths) await look(who, path, `${email} ${path}`);
    for (const from of lists) {
      const path = await deeper(who, from);
      if (!path) continue;
      await look(who, path, `${email} first of ${from}`);
      if (from === "/applications")
        for (const tab of ["access", "owners", "activity"])
          await look(who, `${path}?tab=${tab}`, `application, ${tab}`);
      if (from === "/catalogue")
        for (const tab of ["scopes", "operations", "versions"])
          await look(who, `${path}?tab=${tab}`, `product, ${tab}`);
    }
    await shell(who);
    who.checkTrouble(email);
    for (const list of lists) await states(who, list);
    await who.context.close();
  }
}

async function shell(who) {
  const { page } = who;
  await visit(who, "/catalogue");
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "Search and commands" }).waitFor();
  await accessible(page, `${who.email} command palette`);
  await page.keyboard.type("people");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/people/);
  check(`${who.email}: the palette goes to a screen`, true);
  await settle(page);
  await page.getByRole("main").focus();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await accessible(page, `${who.email} shortcuts`);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await page.waitForURL(/\/catalogue/);
  check(`${who.email}: "g c" goes to the catalogue`, true);
}

/** What a list shows when it is empty and when its service fails; the answers are put in its place in the browser. */
async function states(who, path) {
  const { page } = who;
  const service =
    /\/api\/(registry|approval|audit|issuance)\/v1\/(products|applications|requests|records|revocations|leaks)(\?|$)/;
  await page.route(service, (route) => route.fulfill({ json: { items: [] } }));
  await visit(who, path);
  check(`${path}, empty: says what belongs here`, (await page.getByRole("heading", { level: 2 }).count()) > 0);
  await accessible(page, `${path}, empty`);
  await page.unroute(service);

  who.tolerate(/status of 503/);
  await page.route(service, (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      json: {
        type: "urn:chancery:problem:unavailable",
        title: "Not available right now",
        status: 503,
        code: "unavailable",
        detail: "Nothing was lost.",
        request_id: "walk-0001",
      },
    }),
  );
  await visit(who, path);
  await page.getByRole("alert").first().waitFor();
  check(`${path}, failing: names the request`, await page.getByText("walk-0001").first().isVisible());
  await accessible(page, `${path}, failing`);
  await page.unroute(service);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.getByRole("alert").waitFor({ state: "detached" });
  check(`${path}, failing: trying again brings it back`, true);
}
