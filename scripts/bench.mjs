/** `npm run bench [-- [leases] --runs 30 --peer PATH]`: sets up and builds, then prints the table of bench/bench.ts, or of bench/leases.ts. */
import { bun, installEngines, installPackages, must } from "./setup.mjs";

installPackages();
installEngines();
must(bun, "scripts/build.ts");
const [what, ...rest] = process.argv.slice(2);
if (what === "leases") must(bun, "bench/leases.ts", ...rest);
else must(bun, "bench/bench.ts", ...process.argv.slice(2));
