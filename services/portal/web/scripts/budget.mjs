// Refuses a build whose first page weighs more than a partner on a slow line should wait for.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budgets = { entry: 200, style: 14, script: 420, fonts: 190 };
const root = new URL("../dist/", import.meta.url);
const assets = readdirSync(new URL("assets/", root));
const size = (name) => gzipSync(readFileSync(new URL(`assets/${name}`, root))).length / 1024;
const html = readFileSync(new URL("index.html", root), "utf8");

const sum = (names) => names.reduce((total, name) => total + size(name), 0);
const found = {
  entry: sum(assets.filter((name) => name.endsWith(".js") && html.includes(name))),
  style: sum(assets.filter((name) => name.endsWith(".css"))),
  script: sum(assets.filter((name) => name.endsWith(".js"))),
  fonts: sum(assets.filter((name) => name.endsWith(".woff2"))),
};

let over = false;
for (const [what, limit] of Object.entries(budgets)) {
  const heavy = found[what] > limit;
  over ||= heavy;
  console.log(
    `${heavy ? "OVER" : "ok  "} ${what.padEnd(7)} ${found[what].toFixed(1).padStart(6)} of ${limit} KiB gzip`,
  );
}
if (over) process.exit(1);
