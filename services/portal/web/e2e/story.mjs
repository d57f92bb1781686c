// One credential's whole life, as its people see it.
import { accessible, base, check, eventually, person, settle, signIn, tabTo, through, visit } from "./harness.mjs";

export const cast = {
  owner: process.env.E2E_OWNER ?? "noor@northwind.example",
  backup: process.env.E2E_BACKUP ?? "sam@northwind.example",
  reviewers: (
    process.env.E2E_REVIEWERS ?? "lucia@northwind.example,mara@meridian.example,joris@meridian.example"
  ).split(","),
  auditor: process.env.E2E_AUDITOR ?? "anika@meridian.example",
};
const productName = process.env.E2E_PRODUCT ?? "Ledger";

export async function story(browser, all) {
  const owner = await person(browser, cast.owner);
  await signIn(owner, all);
  check("the owner signs in", await owner.page.getByRole("navigation", { name: "Main" }).isVisible());

  const name = `Walk ${new Date().toISOString().slice(5, 19).replace(/[:T]/g, "-")}`;
  const application = await register(owner, all, name);
  const request = await ask(owner, name);
  await approve(browser, all, request);
  const { secret, credential } = await issueByKeyboard(owner, application);
  await usage(owner, application);
  await visit(owner, `/applications/${application}`);
  await rotate(owner, credential, secret);
  await handIn(owner, secret);
  await visit(owner, `/applications/${application}`);
  await revokeByKeyboard(owner, application, credential);
  owner.checkTrouble("owner");
  await audit(browser, all, application);
  await owner.context.close();
}

async function register(owner, all, name) {
  const { page } = owner;
  await visit(owner, "/catalogue");
  await page.getByRole("link", { name: productName, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: productName }).waitFor();
  check(
    "the catalogue leads to the product",
    (await page.getByRole("link", { name: /request access|register an application/i }).count()) > 0,
  );

  await visit(owner, "/applications/new");
  const submit = page.getByRole("button", { name: "Register application" });
  await submit.click();
  check(
    "an empty form says what is missing beside the field",
    await page.getByText("Say what it is called.").isVisible(),
  );
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Purpose", { exact: true }).fill("Walked by the browser test from registration to revocation.");
  await page.getByRole("radio", { name: /sandbox/i }).check();
  const backup = all.find((p) => p.email === cast.backup).name;
  const select = page.getByLabel("Backup owner", { exact: true });
  const option = select.getByRole("option", { name: new RegExp(backup) });
  await option.waitFor({ state: "attached" });
  await select.selectOption(await option.getAttribute("value"));
  await submit.click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  const id = new URL(page.url()).pathname.split("/").at(-1);
  check("the application is registered and shown", /^[0-9a-f-]{36}$/.test(id), id);
  const issue = page.getByRole("button", { name: "Issue credential" }).first();
  check("no credential before access is approved", (await issue.getAttribute("aria-disabled")) === "true");
  return id;
}

async function ask(owner, name) {
  const { page } = owner;
  await page.getByRole("link", { name: "Request access" }).first().click();
  await page.getByRole("heading", { level: 1, name: "Request access" }).waitFor();
  const product = page.getByLabel("Product", { exact: true });
  const option = product.getByRole("option", { name: productName, exact: true });
  await option.waitFor({ state: "attached" });
  await product.selectOption(await option.getAttribute("value"));
  const next = page.getByRole("button", { name: "Continue" });
  await next.click();
  await page.getByRole("checkbox").first().check();
  const rail = page.getByRole("complementary", { name: "What happens next" });
  await rail.getByText(/People decide|Approved at once/).waitFor();
  check("policy says beforehand who decides", true);
  await next.click();
  await page.getByLabel("Justification").fill("Nightly reconciliation, walked by the browser test.");
  await page.reload();
  await settle(page);
  check("a draft survives a reload", (await page.getByLabel("Justification").inputValue()).startsWith("Nightly"));
  await page.getByRole("radio", { name: "30 days" }).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Submit request" }).click();
  await page.waitForURL(/\/requests\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { level: 1, name: new RegExp(name) }).waitFor();
  const decision = page.getByRole("region", { name: "Decision" });
  await decision.waitFor();
  check("the requester gets no decision form", (await decision.getByRole("button").count()) === 0);
  return new URL(page.url()).pathname;
}

async function approve(browser, all, request) {
  let decided = false;
  for (const email of cast.reviewers) {
    const reviewer = await person(browser, email);
    const { page } = reviewer;
    await signIn(reviewer, all);
    await visit(reviewer, request);
    const form = page.getByRole("region", { name: "Decision" });
    const approveButton = form.getByRole("button", { name: /^Approve \d+ scopes? for/ });
    if ((await approveButton.count()) > 0) {
      await page.keyboard.press("a");
      check(
        `${email}: the key "a" leads to the comment`,
        (await page.evaluate(() => document.activeElement?.tagName)) === "TEXTAREA",
      );
      await page.keyboard.type("Fits the purpose.");
      await approveButton.click();
      await through(reviewer, page.getByText("Fits the purpose.").first());
      await page
        .getByText("Your approval is recorded")
        .or(page.getByText("This request is approved."))
        .first()
        .waitFor();
      check(`${email}: approves with a second factor, and the page resumes`, true);
    }
    // The last seat approves the request; whether this was it shows once the page has read its own command back.
    await settle(page);
    decided = await page.getByText("This request is approved.").isVisible();
    reviewer.checkTrouble(email);
    await reviewer.context.close();
    if (decided) break;
  }
  check("the request is approved", decided);
}

/** Everything by keyboard: open, fill, issue, store. */
async function issueByKeyboard(owner, application) {
  const { page } = owner;
  await visit(owner, `/applications/${application}`);
  const issue = page.getByRole("button", { name: "Issue credential" }).first();
  const ready = await eventually(async () => (await issue.getAttribute("aria-disabled")) !== "true");
  check("approved access makes issuing possible", ready);
  await tabTo(page, issue);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Issue a credential" }).waitFor();
  await accessible(page, "issue dialog");
  await tabTo(page, dialog.getByLabel("Name", { exact: true }));
  await page.keyboard.type("walked by keyboard");
  await page.keyboard.press("Enter");
  await through(owner, page.getByRole("dialog", { name: "Store this secret now" }));

  const shown = page.getByRole("dialog", { name: "Store this secret now" });
  const field = shown.getByRole("textbox");
  const secret = await field.inputValue();
  check("the secret is shown whole, once", /^chy_(test|live)_\S{20,}$/.test(secret), `${secret.slice(0, 9)}…`);
  await accessible(page, "show-once panel");
  const close = shown.getByRole("button", { name: "Close" });
  check("closing waits for “I have stored it”", await close.isDisabled());
  await page.keyboard.press("Escape");
  await page.mouse.click(5, 5);
  check("Escape and the backdrop do not lose it", await shown.isVisible());
  let asked = 0;
  const stay = (question) => {
    if (question.type() === "beforeunload") asked++;
    void question.dismiss();
  };
  page.on("dialog", stay);
  await page.evaluate(() => history.back());
  await page.evaluate(() => location.assign("/catalogue"));
  await eventually(() => asked > 0);
  check("leaving the page asks first", asked > 0);
  check("and staying keeps it", (await shown.isVisible()) && (await field.inputValue()) === secret);
  page.off("dialog", stay);
  await tabTo(page, shown.getByRole("checkbox", { name: /I have stored it/ }));
  await page.keyboard.press("Space");
  await tabTo(page, close);
  await page.keyboard.press("Enter");
  await shown.waitFor({ state: "detached" });
  const credential = page.getByRole("article", { name: "walked by keyboard" });
  await credential.waitFor();
  check("nothing of it is left on the page", !(await page.content()).includes(secret));
  const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage }) + JSON.stringify({ ...localStorage }));
  check("nothing of it is left in the browser’s stores", !kept.includes(secret));
  return { secret, credential };
}

async function rotate(owner, credential, secret) {
  const { page } = owner;
  await credential.getByRole("button", { name: "Rotate" }).click();
  const dialog = page.getByRole("dialog", { name: /^Rotate / });
  await dialog.getByRole("radio", { name: /24 hours/ }).check();
  await accessible(page, "rotate dialog");
  await dialog.getByRole("button", { name: "Rotate and show once" }).click();
  const shown = page.getByRole("dialog", { name: "Store this secret now" });
  await through(owner, shown);
  const next = await shown.getByRole("textbox").inputValue();
  check("rotation shows another secret", next !== secret && next.startsWith("chy_"));
  await shown.getByRole("checkbox", { name: /I have stored it/ }).check();
  await shown.getByRole("button", { name: "Close" }).click();
  await credential.getByRole("button", { name: "End overlap now" }).waitFor();
  check("both generations are listed while they overlap", (await credential.getByRole("row").count()) === 3);
}

async function usage(owner, application) {
  const { page } = owner;
  await visit(owner, `/applications/${application}?tab=access`);
  await page.getByRole("button", { name: /^Usage of/ }).click();
  const dialog = page.getByRole("dialog", { name: "Granted and used" });
  check(
    "what is granted stands beside what was used",
    await eventually(() => dialog.getByText("Never used").first().isVisible()),
  );
  await accessible(page, "usage dialog");
}

/** The old secret lay open: whoever finds it ends it, and its owner reads what it was used for. */
async function handIn(owner, secret) {
  const { page } = owner;
  await visit(owner, "/leaks");
  const before = await page.locator("[data-row-link]").count();
  await page.getByRole("button", { name: "Hand in a leak" }).click();
  const dialog = page.getByRole("dialog", { name: "Hand in a leak" });
  await accessible(page, "hand in dialog");
  await dialog.getByLabel("Leaked secrets").fill(secret);
  await dialog.getByLabel("Where they were found").fill("https://paste.example/walk");
  await dialog.getByRole("button", { name: "End the secret" }).click();
  await dialog.waitFor({ state: "detached" });
  const reports = page.locator("[data-row-link]");
  check("a leak of one's own is listed", await eventually(async () => (await reports.count()) > before));
  await reports.first().click();
  await page.getByRole("heading", { level: 3, name: "walked by keyboard" }).waitFor();
  const dead = page.getByRole("button", { name: "Keep the signed receipt" });
  check("the leaked secret is dead everywhere, by receipt", await eventually(() => dead.isVisible()));
  const download = page.waitForEvent("download");
  await dead.click();
  check("the receipt is a signed file", (await download).suggestedFilename().endsWith(".jws"));
  check("nothing of the secret is on the page", !(await page.content()).includes(secret));
  await accessible(page, "leak report");
}

async function revokeByKeyboard(owner, application, credential) {
  const { page } = owner;
  await tabTo(page, credential.getByRole("button", { name: "Revoke" }));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: /^Revoke / });
  await dialog.waitFor();
  await accessible(page, "revoke dialog");
  await tabTo(page, dialog.getByLabel("Reason"));
  await page.keyboard.press("ArrowDown");
  await tabTo(page, dialog.getByLabel(/^Type /));
  await page.keyboard.type("wrong name");
  await page.keyboard.press("Enter");
  check("a wrong name revokes nothing", await dialog.getByText(/exactly/).isVisible());
  await page.keyboard.press("Control+a");
  await page.keyboard.type("walked by keyboard");
  await page.keyboard.press("Enter");
  const done = page.getByRole("dialog", { name: /is revoked$/ });
  await through(owner, done);
  await accessible(page, "revoked dialog");
  await tabTo(page, done.getByRole("button", { name: "Close" }).first());
  await page.keyboard.press("Enter");
  const over = page.getByText("1 ended credential");
  check("the credential is listed as ended", await eventually(() => over.isVisible()));
  check("it was the right page all along", page.url().startsWith(`${base}/applications/${application}`));
}

async function audit(browser, all, application) {
  const auditor = await person(browser, cast.auditor);
  const { page } = auditor;
  await signIn(auditor, all);
  const wanted = ["issuance.credential.Issued", "issuance.credential.RotationStarted", "issuance.credential.Revoked"];
  const found = await eventually(async () => {
    await visit(auditor, `/audit?application_id=${application}`);
    const text = await page.getByRole("main").textContent();
    return wanted.every((type) => text.includes(type));
  }, 1000);
  check("the auditor sees issue, rotation and revocation", found);
  await page
    .getByRole("button", { name: /^Record \d+/ })
    .first()
    .click();
  for (const tab of ["JSON", "OCSF"]) {
    await page.getByRole("tab", { name: tab }).click();
    const panel = page.getByRole("tabpanel", { name: tab });
    check(`the record is there as ${tab}`, await eventually(async () => (await panel.textContent()).includes("{")));
  }
  await page.getByRole("tab", { name: "Verify" }).click();
  await page.getByRole("button", { name: /^Verify record/ }).click();
  await page.getByText("Included.").or(page.getByRole("alert")).first().waitFor();
  check(
    "the record is proven in the browser",
    await page.getByText("Included.").isVisible(),
    (await page.getByRole("alert").allInnerTexts()).join(" "),
  );
  await accessible(page, "verified record");
  auditor.checkTrouble("auditor");
  await auditor.context.close();
}
