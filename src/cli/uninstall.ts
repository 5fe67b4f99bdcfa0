import { dirname } from "node:path";
import { escapeControls } from "../base/index.ts";
import {
  checkFolders,
  findPrefix,
  findStillNamed,
  layoutOf,
  readManifest,
  refusePackaged,
  runSteps,
  uninstall,
} from "../install/index.ts";
import type { World } from "./context.ts";
import { DEFAULT_PREFIX, installer } from "./install.ts";

/** `berth uninstall`. Throws BERTH-I001 and I003 to I005. */
export function uninstallBerth(this: World, flags: { readonly prefix?: string }): void {
  const root = this.namedRoot ?? "/";
  const layout = layoutOf(findPrefix(root, flags.prefix ?? DEFAULT_PREFIX));
  refusePackaged(root, layout);
  const folders = readManifest(root, layout)?.files.map(({ path }) => dirname(path)) ?? [];
  checkFolders([layout.state, ...folders], { root, prefix: layout.prefix, ...installer() });
  const { manifest, left } = runSteps(uninstall(root, layout), `Cannot uninstall berth from "${layout.prefix}"`);
  this.print(`berth ${manifest.version} is no longer in ${layout.prefix}\n`);
  const named = findStillNamed(root, layout).map(
    (path) => `"${path}" still names programs of berth in ${layout.prefix}`,
  );
  const advice =
    named.length === 0 ? [] : ["to have that taken out: berth install, berth setup --undo, berth uninstall once more"];
  const kept = left.map(({ path, why }) => `"${path}" stays: ${why}`);
  for (const note of [...kept, ...named, ...advice]) this.note(`${escapeControls(note)}\n`);
}
