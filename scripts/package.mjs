/** `npm run package [-- amd64]`: dist/packages/*; installs npm packages and, where it may, a compiler. */
import { spawnSync } from "node:child_process";
import { bun, installEngines, installPackages, must } from "./setup.mjs";

installPackages();
if (spawnSync("gcc", ["--version"], { stdio: "ignore" }).status !== 0) installEngines();
must(bun, "scripts/package.ts", ...process.argv.slice(2));
