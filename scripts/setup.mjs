/**
 * What `npm run demo` and `npm test` need on a fresh clone, in plain Node: packages, a Bun that starts, the container engines.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
export const bun = join(root, "node_modules/.bin/bun");

/** Runs a program in the project's folder with this terminal; ends the process with its status when it fails. */
export function must(program, ...args) {
  const status = attempt(program, ...args);
  if (status !== 0) {
    console.error(`"${[program, ...args].join(" ")}" failed with status ${status}`);
    process.exit(1);
  }
}

/** The same, giving back the exit status. */
export function attempt(program, ...args) {
  return spawnSync(program, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

/** Installs what package-lock.json names, unless that was done already. */
export function installPackages() {
  const stamp = join(root, "node_modules/.berth-lock");
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
    must("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error");
    writeFileSync(stamp, lock);
  }
  // npm may hold back install scripts, and Bun's puts its executable in place.
  if (!startsBun()) must(process.execPath, "node_modules/bun/install.js");
  if (!startsBun()) {
    console.error('Cannot start "node_modules/.bin/bun"; remedy: rm -rf node_modules && npm ci --foreground-scripts');
    process.exit(1);
  }
}

function startsBun() {
  return spawnSync(bun, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Installs container engines and a compiler where it may; says what is missing where it may not. */
export function installEngines() {
  return attempt("bash", "scripts/engines.sh");
}
