import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SetupSite } from "./setup-site.ts";

/** The path of a configuration file below the host's root, by which it is called in the record: the host's root may be elsewhere the next time. */
export function recordPath({ root }: Pick<SetupSite, "root">, fileRoot: string, path: string): string {
  const here = join(fileRoot, path);
  if (root === "/") return here;
  return here.startsWith(`${root}/`) ? here.slice(root.length) : here;
}

/** The folders above a file of this machine that are not there, outermost first. */
export function missingFolders(path: string): readonly string[] {
  const folder = dirname(path);
  if (folder === path || lstatSync(folder, { throwIfNoEntry: false }) !== undefined) return [];
  return [...missingFolders(folder), folder];
}

/** The lock of those that change configuration files. */
export function editLock({ lockDir }: Pick<SetupSite, "lockDir">): string {
  return join(lockDir, "edit.lock");
}
