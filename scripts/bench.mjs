/** `npm run bench [-- --runs 30 --peer PATH]`: sets up and builds, then prints the table of bench/bench.ts. */
import { bun, installEngines, installPackages, must } from "./setup.mjs";

installPackages();
installEngines();
must(bun, "scripts/build.ts");
must(bun, "bench/bench.ts", ...process.argv.slice(2));
