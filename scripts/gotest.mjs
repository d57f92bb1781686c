// Reads `go test -json`: prints a line a package, the output of what failed, and the counts to the file in GOTEST_SUMMARY.
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

let passed = 0;
let failed = 0;
const output = new Map();
const broken = new Set();

for await (const line of createInterface({ input: process.stdin })) {
  let e;
  try {
    e = JSON.parse(line);
  } catch {
    console.log(line);
    continue;
  }
  const key = `${e.Package ?? e.ImportPath} ${e.Test ?? ""}`;
  if (e.Action === "output" || e.Action === "build-output") {
    output.set(key, (output.get(key) ?? "") + e.Output);
    continue;
  }
  if (e.Action === "build-fail") {
    console.log(output.get(key) ?? "");
    continue;
  }
  if (e.Test) {
    if (e.Action === "pass") passed++;
    if (e.Action === "skip") {
      failed++;
      console.log(`FAIL  ${e.Package}.${e.Test} was skipped\n${output.get(key) ?? ""}`);
    }
    if (e.Action === "fail") {
      failed++;
      broken.add(e.Package);
      console.log(`FAIL  ${e.Package}.${e.Test}\n${output.get(key) ?? ""}`);
    }
    if (["pass", "fail", "skip"].includes(e.Action)) output.delete(key);
    continue;
  }
  if (e.Action === "pass") console.log(`ok    ${e.Package} ${e.Elapsed} s`);
  if (e.Action === "fail") {
    if (!broken.has(e.Package)) failed++;
    console.log(`FAIL  ${e.Package} ${e.Elapsed ?? 0} s\n${output.get(key) ?? ""}`);
  }
}
writeFileSync(process.env.GOTEST_SUMMARY, `${passed} ${failed}\n`);
