import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
