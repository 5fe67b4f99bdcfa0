import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { BerthError, errnoCode } from "../base/index.ts";

const MAX_LINKS = 40;
const MAX_ENTRIES = 65_536;

/** Where a path of a root lies on this machine: root "/tmp/sim" and path "/dev" are "/tmp/sim/dev". */
export function onMachine(root: string, path: string): string {
  if (root === "/") return path;
  return path === "/" ? root : root + path;
}

/**
 * The canonical path inside `root` after all links, or undefined when nothing is there. A link never leaves the root: an
 * absolute target starts again at the root, `..` stops there. For trusted roots only, as the path is walked as text.
 */
export function resolveInRoot(root: string, path: string): string | undefined {
  return root === "/" ? resolveOnMachine(path) : walk(root, path);
}

function resolveOnMachine(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isMissing(error) || errnoCode(error) === "ELOOP") return undefined;
    throw error;
  }
}

function walk(root: string, path: string): string | undefined {
  let done: string[] = [];
  let ahead = parts(path);
  let links = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    if (name === "..") {
      done.pop();
      continue;
    }
    const next = `${root}/${[...done, name].join("/")}`;
    const stat = lstatIfThere(next);
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) {
      done.push(name);
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    const target = readlinkSync(next);
    if (target.startsWith("/")) done = [];
    ahead = [...parts(target), ...ahead];
  }
  return `/${done.join("/")}`;
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** The names in a folder, unordered; undefined when it does not exist. Throws BERTH-D004 above 65,536 entries. */
export function listIfThere(folder: string): readonly string[] | undefined {
  try {
    const names = readdirSync(folder);
    if (names.length <= MAX_ENTRIES) return names;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const message = `Cannot describe the host: "${folder}" holds more than ${MAX_ENTRIES} entries`;
  throw new BerthError({ code: "BERTH-D004", message, remedy: `look at it with: ls ${folder}` });
}

/** lstat, or undefined when nothing is there. */
export function lstatIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = errnoCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}
