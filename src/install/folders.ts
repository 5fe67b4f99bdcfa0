import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const MODE = 0o755;

/** The folders of these paths that are not there, outermost first. */
export function missingFolders(root: string, paths: readonly string[]): readonly string[] {
  const folders = new Set(paths.flatMap((path) => ancestors(dirname(path))));
  return [...folders].filter((folder) => !existsSync(join(root, folder))).toSorted();
}

/** A folder and all above it but "/", outermost first. */
export function ancestors(folder: string): readonly string[] {
  return folder === "/" ? [] : [...ancestors(dirname(folder)), folder];
}

/** Makes what is missing of folders that are ours, whatever the umask; outermost first. */
export function* makeFolders(root: string, folders: readonly string[]): Generator<string> {
  for (const folder of folders) {
    const path = join(root, folder);
    if (existsSync(path) && (statSync(path).mode & 0o777) === MODE) continue;
    yield `make the folder ${folder}`;
    mkdirSync(path, { recursive: true });
    chmodSync(path, MODE);
  }
}

/** Removes those that hold nothing, innermost first. */
export function* removeEmptyFolders(root: string, folders: readonly string[]): Generator<string> {
  for (const folder of folders.toSorted().toReversed()) {
    const path = join(root, folder);
    if (!existsSync(path) || readdirSync(path).length > 0) continue;
    yield `remove the folder ${folder}`;
    rmdirSync(path);
  }
}
