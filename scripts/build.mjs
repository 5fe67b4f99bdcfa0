/** `npm run build [-- --target arm64]`: dist/berth and dist/bin/*; installs packages and, where it may, a compiler. */
import { spawnSync } from "node:child_process";
import { bun, installEngines, installPackages, must } from "./setup.mjs";

installPackages();
if (spawnSync("gcc", ["--version"], { stdio: "ignore" }).status !== 0) installEngines();
must(bun, "scripts/build.ts", ...process.argv.slice(2));
