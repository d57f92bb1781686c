// A product from its draft to the catalogue of a partner, by its owner's hands.
import { accessible, check, eventually, person, settle, signIn, through, visit } from "./harness.mjs";
import { cast } from "./story.mjs";

const maker = process.env.E2E_PRODUCT_OWNER ?? "tomas@meridian.example";

const contract = `openapi: 3.1.0
info:
  title: Walked product
  version: 1.0.0
servers:
  - url: /walked
security:
  - oauth: ["things:read"]
paths:
  /things:
    get:
      operationId: listThings
      summary: List things
      responses:
        "200":
          description: Things
components:
  securitySchemes:
    oauth:
      type: oauth2
      flows:
        clientCredentials:
          tokenUrl: /oauth2/token
          scopes:
            "things:read": List things
`;

export async function publish(browser, all) {
  const who = await person(browser, maker);
  const { page } = who;
  await signIn(who, all);
  const name = `Walked ${new Date().toISOString().slice(5, 19).replace(/[:T]/g, "-")}`;
  await visit(who, "/catalogue");
  await page.getByRole("button", { name: "Draft product" }).click();
  const draft = page.getByRole("dialog", { name: "Draft a product" });
  await draft.getByLabel("Name", { exact: true }).fill(name);
  await draft.getByLabel("Purpose").fill("Made by the browser test.");
  await accessible(page, "draft dialog");
  await draft.getByRole("button", { name: "Draft product" }).click();
  await through(who, page.getByRole("heading", { level: 1, name }));
  check("a product is drafted", true);

  const file = page.getByLabel("OpenAPI document");
  who.tolerate(/status of 4(00|22)/);
  await file.setInputFiles({
    name: "broken.yaml",
    mimeType: "application/yaml",
    buffer: Buffer.from("openapi: 3.1.0\ninfo: [\n"),
  });
  const refusal = page.getByRole("alert");
  await refusal.waitFor();
  check(
    "a broken contract is refused with its place",
    /line \d+/i.test((await refusal.textContent()) ?? ""),
    await refusal.textContent(),
  );
  await accessible(page, "refused contract");
  await file.setInputFiles({ name: "walked.yaml", mimeType: "application/yaml", buffer: Buffer.from(contract) });
  const row = page.getByRole("row", { name: /1\.0\.0/ });
  await row.waitFor();
  check("a good one becomes a version", await row.getByText("Submitted").isVisible());

  const versions = page.url();
  await page.getByRole("link", { name: "Overview" }).click();
  await settle(page);
  await act(who, "Classify", async (dialog) => {
    await dialog.getByRole("radio", { name: /Partner/ }).check();
    await dialog.getByLabel("Reason").fill("Nothing personal in it.");
    await dialog.getByRole("button", { name: "Classify as partner" }).click();
  });
  await act(who, "Set audience", async (dialog) => {
    await dialog.getByRole("radio", { name: /Partners/ }).check();
    await dialog.getByRole("button", { name: "Set audience" }).click();
  });
  const self = all.find((p) => p.email === maker).name;
  for (const seat of ["Product owner", "API owner", "Listing owner", "Reviewer"]) {
    await act(who, "Fill a seat", async (dialog) => {
      await dialog.getByRole("radio", { name: seat, exact: true }).check();
      const select = dialog.getByLabel("Person");
      const option = select.getByRole("option", { name: new RegExp(self) });
      await option.waitFor({ state: "attached" });
      await select.selectOption(await option.getAttribute("value"));
      await dialog.getByRole("button", { name: "Fill the seat" }).click();
    });
  }
  check("it is classified, has an audience and four seats", true);

  await page.goto(versions);
  await page.getByRole("button", { name: "Publish version" }).click();
  await through(who, page.getByRole("button", { name: "Show to audience" }));
  await page.getByRole("button", { name: "Show to audience" }).click();
  await through(who, page.getByText("shown in the catalogue").first());
  check(
    "publishing shows the product",
    await eventually(() => page.getByText("Published", { exact: true }).first().isVisible()),
  );
  const product = new URL(page.url()).pathname;
  who.checkTrouble(maker);
  await who.context.close();

  const partner = await person(browser, cast.owner);
  await signIn(partner, all);
  const seen = await eventually(async () => {
    await visit(partner, product);
    return partner.page.getByRole("link", { name: "Request access" }).first().isVisible();
  });
  check("and a partner sees it and may ask for it", seen);
  partner.checkTrouble(cast.owner);
  await partner.context.close();
}

/** Opens one of the product's forms, does it, and passes the second factor if it is asked for. */
async function act(who, button, fill) {
  const { page } = who;
  const opener = page.getByRole("button", { name: button, exact: true });
  await eventually(async () => (await opener.getAttribute("aria-disabled")) !== "true");
  await opener.click();
  await fill(page.getByRole("dialog"));
  // The form closes, here or on the page that the step-up came back to.
  await through(who, page.getByRole("navigation", { name: "Breadcrumb" }));
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await settle(page);
}
