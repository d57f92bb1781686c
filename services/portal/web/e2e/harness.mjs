// What every walk through the portal needs: a browser that reports what a person would never see, sign-in, and checks.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const base = (process.env.BASE_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
const patience = Number(process.env.E2E_TIMEOUT_MS ?? 30_000);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let passed = 0;
const failures = [];

export function check(name, good, found = "") {
  if (good) {
    passed++;
    console.log(`ok    ${name}`);
  } else {
    failures.push(name);
    console.log(`FAIL  ${name}${found === "" ? "" : `\n      found: ${found}`}`);
  }
  return good;
}

export function summary() {
  console.log(`${passed} passed, ${failures.length} failed`);
  return failures.length === 0;
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

// The browser itself reports an answer of 401 as an error; asking for a session or a second factor is no fault of the page.
const expected = [/Failed to load resource: the server responded with a status of 401/];

/** A browser of one person. Console errors, exceptions and policy violations are collected, to be checked at the end. */
export async function person(browser, email, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    reducedMotion: "reduce",
    colorScheme: "light",
    ...options,
  });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const trouble = [];
  let tolerated = [];
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) =>
      console.error(`content security policy: ${e.violatedDirective} blocked ${e.blockedURI} ${e.sample}`),
    );
  });
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    if (![...expected, ...tolerated].some((pattern) => pattern.test(message.text()))) {
      trouble.push(`${new URL(page.url()).pathname}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => trouble.push(`${page.url()}: ${error.message}`));
  return {
    email,
    context,
    page,
    trouble,
    /** Console messages that a provoked failure makes the browser write. */
    tolerate: (...patterns) => {
      tolerated = patterns;
    },
    checkTrouble: (name) =>
      check(`${name}: no console error, exception or policy violation`, trouble.length === 0, trouble.join("\n      ")),
  };
}

/** Goes through the organisation's provider, wherever it asks, until the target is there. */
export async function through(who, target) {
  const { page, email } = who;
  const choose = page.getByRole("button", { name: email });
  const key = page.getByRole("button", { name: "Touch the key" });
  const code = page.getByLabel("Six-digit code");
  const confirm = page.getByRole("button", { name: "Confirm", exact: true });
  const continueToProvider = page.getByRole("textbox", { name: /address|e-?mail/i });
  const until = Date.now() + patience;
  while (Date.now() < until) {
    await target.or(choose).or(key).or(confirm).or(continueToProvider).first().waitFor();
    if (await target.first().isVisible()) return;
    const before = page.url();
    if (await choose.isVisible()) await choose.click();
    else if (await key.isVisible()) await key.click();
    else if (await code.isVisible()) {
      await code.fill((await page.locator("output.code").textContent()).trim());
      await confirm.click();
    } else if (await confirm.isVisible()) await confirm.click();
    else if (await continueToProvider.isVisible()) {
      await continueToProvider.fill(email);
      await page.getByRole("button", { name: /continue/i }).click();
    }
    await page.waitForURL((url) => url.href !== before, { timeout: 3_000 }).catch(() => {});
  }
  throw new Error(`${email} did not get through the provider; the page is ${page.url()}`);
}

export async function personas() {
  const response = await fetch(`${base}/api/dev/personas`);
  if (!response.ok) throw new Error(`no personas at ${base}: ${response.status}. Is it a development suite?`);
  return (await response.json()).items;
}

/** Signs in by the personas page, as a newcomer would. */
export async function signIn(who, all) {
  const persona = all.find((p) => p.email === who.email);
  if (!persona) throw new Error(`${who.email} is no persona of this suite`);
  await who.page.goto(`${base}/personas`);
  await who.page.getByRole("link", { name: persona.name }).click();
  await through(
    who,
    who.page.getByRole("navigation", { name: "Main" }).or(who.page.getByRole("button", { name: "Menu" })),
  );
}

/** Waits until nothing on the page is still loading. */
export async function settle(page) {
  await page.waitForLoadState("networkidle").catch(() => {});
  await page.waitForFunction(() => !document.querySelector('[role=status][aria-label^="Loading"]'));
}

export async function visit(who, path) {
  await who.page.goto(base + path);
  await settle(who.page);
}

/** No violation of WCAG 2.2 A and AA that axe can find. */
export async function accessible(page, name) {
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
      resultTypes: ["violations"],
    }),
  );
  const found = result.violations.map(
    (v) =>
      `${v.id}: ${v.nodes
        .map((n) => n.target.join(" "))
        .slice(0, 3)
        .join(" | ")}`,
  );
  return check(`${name}: axe finds nothing`, found.length === 0, found.join("\n      "));
}

export async function noSidewaysScroll(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  return check(`${name}: no horizontal scroll at ${page.viewportSize().width} px`, over <= 0, `${over} px too wide`);
}

/** Moves the focus by Tab alone until it is on the target. */
export async function tabTo(page, target) {
  await target.waitFor();
  for (let i = 0; i < 120; i++) {
    if (await target.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${target}`);
}

/** Repeats a look until it is good: what is read is brought up to date a moment after it is decided. */
export async function eventually(look, every = 500) {
  const until = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found || Date.now() > until) return found;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
