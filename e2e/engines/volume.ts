import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "../lib/run.ts";
import type { Scope } from "../lib/scope.ts";

/** A user's folder on the machine. */
export interface Volume {
  readonly path: string;
  /** See `snapshotOf`. */
  readonly snapshot: () => string;
}

const SNAPSHOT = [
  'cd "$1"',
  'find . -printf "%p %y %m %U:%G %s %T@ %l\\n" | sort',
  "find . -type f -exec sha256sum {} + | sort",
].join(" && ");

/** A volume with the files of a folder. */
export function makeVolume(scope: Scope, from: string): Volume {
  const path = scope.folder("volume");
  must(["cp", "-a", `${from}/.`, path]);
  return { path, snapshot: () => snapshotOf(path) };
}

/** Every name in a folder with kind, rights, owner, size, time and content. */
export function snapshotOf(path: string): string {
  return must(["sh", "-ec", SNAPSHOT, "sh", path]);
}

/** Docker mounts files of its own on these and makes what is missing, in a volume too. */
export function addDockersFiles(etc: string): void {
  for (const name of ["hosts", "hostname", "resolv.conf"]) {
    if (!existsSync(join(etc, name))) writeFileSync(join(etc, name), "");
  }
}
