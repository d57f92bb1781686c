// node e2e/run.mjs [story] [publish] [sweep] against the development suite at BASE_URL; every part when none is named.
import { check, launch, personas, summary } from "./harness.mjs";
import { publish } from "./publish.mjs";
import { story } from "./story.mjs";
import { sweep } from "./sweep.mjs";

const parts = { story, publish, sweep };
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts[name]);
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(", ")}; there are ${Object.keys(parts).join(" and ")}`);
  process.exit(2);
}

const browser = await launch();
try {
  const all = await personas();
  for (const name of wanted.length > 0 ? wanted : Object.keys(parts)) {
    try {
      await parts[name](browser, all);
    } catch (error) {
      check(`${name} goes on to its end`, false, error.message);
      for (const context of browser.contexts()) {
        for (const page of context.pages()) {
          const file = process.env.E2E_SCREENSHOTS && `${process.env.E2E_SCREENSHOTS}/${name}-${Date.now()}.png`;
          if (file) await page.screenshot({ path: file, fullPage: true });
          console.log(`      at ${page.url()}${file ? `, shown in ${file}` : ""}`);
        }
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
process.exit(summary() ? 0 : 1);
