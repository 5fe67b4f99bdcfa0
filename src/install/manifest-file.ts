import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isAbandoned, replaceFile, temporaryName } from "../base/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { ancestors } from "./folders.ts";
import type { Layout } from "./layout.ts";
import { formatManifest, manifestPath, type Manifest } from "./manifest.ts";

/** Where the manifest's folder stands until it is whole, and again until it is gone. */
const STAGING = ".berth-install.";

/** Puts the manifest in place in one step, its folders with it: a kill leaves no folder that nobody knows of. */
export function* writeManifest(root: string, layout: Layout, manifest: Manifest): Generator<string> {
  const path = manifestPath(layout);
  yield `write ${path}`;
  const text = formatManifest(manifest);
  const top = ancestors(layout.state).find((folder) => !existsSync(join(root, folder)));
  if (top === undefined) {
    replaceFile(join(root, path), text, { mode: 0o644, asNew: true });
    return;
  }
  const staging = stagingBeside(join(root, top));
  const folders = ancestors(layout.state).filter((folder) => folder.length >= top.length);
  for (const folder of folders.map((each) => join(staging, relative(top, each)))) {
    mkdirSync(folder);
    chmodSync(folder, 0o755);
  }
  replaceFile(join(staging, relative(top, path)), text, { mode: 0o644, asNew: true });
  yield `put ${top} in place`;
  renameSync(staging, join(root, top));
}

/** Removes the manifest, and of the folders above it those that berth made and nothing else is in. */
export function* removeManifest(root: string, layout: Layout, folders: readonly string[]): Generator<string> {
  const path = manifestPath(layout);
  const top = outermostOwn(root, path, folders);
  yield `remove ${path}`;
  if (top === undefined) {
    unlinkSync(join(root, path));
    return;
  }
  const staging = stagingBeside(join(root, top));
  renameSync(join(root, top), staging);
  yield `remove ${staging}`;
  rmSync(staging, { recursive: true });
}

/** Removes what a process left that was killed before there was a manifest, or when there was none any more. */
export function removeStaging(root: string, layout: Layout): void {
  for (const folder of ["/", ...ancestors(layout.state)].map((each) => join(root, each))) {
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      // In a folder like /tmp somebody else can make one, and exchange what is in it while it is removed.
      if (isAbandoned(name, STAGING) && lstatSync(path).uid === effectiveUid()) rmSync(path, { recursive: true });
    }
  }
}

function stagingBeside(path: string): string {
  return join(dirname(path), temporaryName(STAGING));
}

/** The outermost folder of ours that holds nothing but the way to the manifest. */
function outermostOwn(root: string, path: string, folders: readonly string[]): string | undefined {
  let top: string | undefined;
  for (const folder of ancestors(dirname(path)).toReversed()) {
    if (!folders.includes(folder) || readdirSync(join(root, folder)).length !== 1) break;
    top = folder;
  }
  return top;
}
