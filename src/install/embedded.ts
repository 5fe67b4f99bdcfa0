import { readFileSync } from "node:fs";
// Built by scripts/build.ts for the machine that the executable is for, and held inside the executable.
import launcherFile from "../../build/native/target/launcher" with { type: "file" };

/** The launcher as an ELF file with empty slots. */
export function readLauncher(): Uint8Array {
  return readFileSync(launcherFile);
}

/** Whether this is the built executable, which can be installed as it is. */
export function isBuilt(): boolean {
  return import.meta.dir.startsWith("/$bunfs/");
}
