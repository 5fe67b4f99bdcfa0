import { BerthError } from "../base/index.ts";
import { removeEnabledLinks } from "./enabled-links.ts";
import { removeEmptyFolders } from "./folders.ts";
import type { Layout } from "./layout.ts";
import { removeManifest, removeStaging } from "./manifest-file.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import { takeAway, type Left } from "./take-away.ts";

export interface Uninstalled {
  readonly manifest: Manifest;
  readonly left: readonly Left[];
}

/**
 * Takes away what `install` has put in place, step by step, and nothing else; what it had replaced comes back. However
 * it ends between two steps, it can be called again. Throws BERTH-I004 when nothing is installed there, BERTH-I003, and
 * errno errors.
 */
export function* uninstall(root: string, layout: Layout): Generator<string, Uninstalled> {
  const manifest = readManifest(root, layout);
  removeStaging(root, layout);
  if (manifest === undefined) throw nothingThere(layout);
  const { files, folders, backups } = manifest;
  yield* removeEnabledLinks(root, files);
  const left: Left[] = [];
  for (const file of files) left.push(...(yield* takeAway(root, file, backups)));
  yield* removeEmptyFolders(root, folders);
  yield* removeManifest(root, layout, folders);
  return { manifest, left };
}

function nothingThere({ prefix }: Layout): BerthError {
  const message = `Cannot uninstall berth from "${prefix}": there is no installation of berth install`;
  const remedy = "name the folder of berth install with --prefix; a package goes with apt-get remove berth";
  return new BerthError({ code: "BERTH-I004", message, remedy });
}
