import { resolve } from "node:path";
import { foldersUnder } from "../../cdi/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";

/** The folders of a host's CDI files: those that are named, else those of its configuration. */
export function specFolders(world: World, named: readonly string[]): readonly string[] {
  if (named.length > 0) return named.map((folder) => resolve(folder));
  const { root, config } = findSite(world);
  return foldersUnder(root, config.modes.cdiSpecDirs);
}
