/** `npm run demo`: sets up, builds, and shows a GPU container on this machine, without a GPU. */
import { bun, installEngines, installPackages, must } from "./setup.mjs";

installPackages();
installEngines();
must(bun, "scripts/build.ts");
must(bun, "scripts/demo.ts", ...process.argv.slice(2));
