/**
 * `npm test`: sets up what is missing, builds, then runs every check and every test. The last line is `N passed, N failed`,
 * with `, N skipped` where end-to-end tests could not run; each says why. With CI set nothing may be skipped.
 */
import { spawn } from "node:child_process";
import { runEndToEnd } from "./lanes.mjs";
import { attempt, bun, installEngines, installPackages, must, root } from "./setup.mjs";

const totals = { pass: 0, fail: 0, skip: 0 };

/** One static check counts as one test. */
function check(...argv) {
  totals[attempt(...argv) === 0 ? "pass" : "fail"] += 1;
}

/** Runs `bun test`, shows its output and adds it up. */
async function runTests(...args) {
  const child = spawn(bun, ["test", ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    from.on("data", (chunk) => {
      output += chunk;
      to.write(chunk);
    });
  }
  const status = await new Promise((resolve) => child.on("close", resolve));
  addUp(output, status);
}

/** Adds up what a run counted; one that ends badly without a failed test is a failure. */
function addUp(output, status) {
  const count = (word) =>
    [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].reduce((sum, [, n]) => sum + Number(n), 0);
  totals.pass += count("pass");
  totals.skip += count("skip");
  totals.fail += Math.max(count("fail"), Number(status !== 0 || count("pass") + count("skip") === 0));
}

installPackages();
if (installEngines() !== 0)
  console.error("Not every container engine is here: end-to-end tests that need one are skipped.");
must(bun, "scripts/build.ts");

check("node_modules/.bin/oxfmt", "--check", ".");
check("node_modules/.bin/oxlint", "--type-aware", "--deny-warnings");
check("node_modules/.bin/tsc", "-p", ".");
check("node_modules/.bin/knip");
// Two at a time: then one that starts processes can take longer than five seconds.
await runTests("--parallel=2", "--timeout", "30000", "src", "scripts");
await runEndToEnd((output, status) => {
  process.stdout.write(output);
  addUp(output, status);
});

const skipped = totals.skip > 0 ? `, ${totals.skip} skipped` : "";
console.log(`${totals.pass} passed, ${totals.fail} failed${skipped}`);
process.exit(totals.fail > 0 || (process.env.CI === "true" && totals.skip > 0) ? 1 : 0);
