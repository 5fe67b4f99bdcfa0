import { join, resolve } from "node:path";
import { Root } from "../../linux/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";

/**
 * The folders of a host's CDI files: those that are named, else those of its configuration. Under another root, links are followed as that host
 * would, so that its `/var/run` is not this machine's.
 */
export function specFolders(world: World, named: readonly string[]): readonly string[] {
  if (named.length > 0) return named.map((folder) => resolve(folder));
  const { root: path, config } = findSite(world);
  const folders = config.modes.cdiSpecDirs;
  if (path === "/") return folders;
  const root = Root.open(path);
  try {
    return folders.map((folder) => join(path, root.resolve(folder) ?? folder));
  } finally {
    root.close();
  }
}
