import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { patchLauncher } from "../../src/linux/index.ts";
import type { Scope } from "./scope.ts";
import { setConfig, type SimHost } from "./sim-host.ts";

/** A program that only leaves a note of having been started. */
export interface StandIn {
  readonly path: string;
  /** The words of its last call; undefined: it was not called since the last look. */
  readonly takeCall: () => string | undefined;
}

/** Makes a stand-in that ends well. */
export function makeStandIn(scope: Scope, name: string): StandIn {
  const folder = scope.folder("stand-in");
  const path = join(folder, name);
  const note = join(folder, "called");
  writeFileSync(path, `#!/bin/sh\necho "$*" >"${note}"\n`);
  chmodSync(path, 0o755);
  return {
    path,
    takeCall: () => {
      if (!existsSync(note)) return undefined;
      const words = readFileSync(note, "utf8").trimEnd();
      rmSync(note);
      return words;
    },
  };
}

/** Makes `program` the low-level runtime of a simulated host. */
export function useLowLevel(host: SimHost, program: string): void {
  setConfig(host, ['runtimes = ["runc", "crun"]', `runtimes = [${JSON.stringify(program)}]`]);
}

/** The host's runtime launcher, but with another program in the place of berth. */
export function launcherWithout(scope: Scope, host: SimHost, berth: StandIn): string {
  const path = join(scope.folder("launcher"), "nvidia-container-runtime");
  copyFileSync(host.runtime, path);
  writeFileSync(path, patchLauncher(readFileSync(path), { executable: berth.path }));
  chmodSync(path, 0o755);
  return path;
}
