import { closeSync } from "node:fs";
import { statAt } from "./file-stat.ts";
import { FOLDER, openIn, WRITE } from "./open-in.ts";
import { MISSING, orRefuse, type RootHandle } from "./root-handle.ts";
import { joinPath, refusal, splitPath } from "./root-path.ts";
import { errnoName, SysError, trySyscall } from "./sys.ts";
import { enterFolderAt, removeAbandoned as removeAbandonedAt, type Owner } from "./write-at.ts";

const AT_REMOVEDIR = 0x200;
/** What keeps a folder where it is: there is none, something is in it, or something is mounted on it. */
const STAYS: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST", "EBUSY"]);

/** See `Root.makeFolders`. */
export function makeFolders(root: RootHandle, path: string, owner?: Owner): string[] {
  const doing = root.doing("make the folder", path);
  const names = splitPath(path);
  root.forget();
  let known = names.length;
  let fd = openIn(root.fd, joinPath(names), { flags: FOLDER, resolve: WRITE });
  while (fd < 0 && errnoName(-fd) === "ENOENT" && known > 0) {
    known--;
    fd = openIn(root.fd, joinPath(names.slice(0, known)), { flags: FOLDER, resolve: WRITE });
  }
  if (fd < 0) throw refusal(doing, new SysError("openat2", -fd, path));
  return orRefuse(doing, -1, () => descend(root, fd, names.slice(known), owner));
}

/** Makes `names` below an open folder, which it closes, one in the other; takes back those it made when one fails. */
function descend(root: RootHandle, start: number, names: readonly string[], owner: Owner | undefined): string[] {
  const made: string[] = [];
  let here = start;
  try {
    let path = names.length === 0 ? "" : root.pathOf(start);
    for (const name of names) {
      const next = enterFolderAt(here, name, owner);
      closeSync(here);
      here = next.fd;
      path = path === "/" ? `/${name}` : `${path}/${name}`;
      if (next.isNew) made.push(path);
    }
    return made;
  } catch (error) {
    for (const path of made.toReversed()) removeFolder(root, path);
    throw error;
  } finally {
    closeSync(here);
  }
}

/** See `Root.unlink`. */
export function unlink(root: RootHandle, path: string): boolean {
  return remove(root, path, { verb: "remove", flags: 0, harmless: MISSING });
}

/** See `Root.removeFolder`. */
export function removeFolder(root: RootHandle, path: string): boolean {
  const again = (): boolean => remove(root, path, { verb: "remove the folder", flags: AT_REMOVEDIR, harmless: STAYS });
  return again() || (removeAbandoned(root, path) && again());
}

/** See `Root.removeAbandoned`. */
export function removeAbandoned(root: RootHandle, path: string): boolean {
  if (splitPath(path).length === 0) return removeAbandonedAt(root.fd);
  return root.intoFolder("clear the folder", path, (fd, name) => {
    return fd >= 0 && statAt(fd, name)?.kind === "folder" && removeAbandonedAt(fd, name);
  });
}

interface Removal {
  readonly verb: string;
  readonly flags: number;
  /** What of the kernel's answers is no failure. */
  readonly harmless: ReadonlySet<string>;
}

/** unlinkat(2); false: it stays, or was not there. */
function remove(root: RootHandle, path: string, { verb, flags, harmless }: Removal): boolean {
  return root.intoFolder(verb, path, (fd, name) => {
    if (fd < 0 && MISSING.has(errnoName(-fd))) return false;
    const result = fd < 0 ? fd : trySyscall("unlinkat", fd, name, flags);
    if (result < 0 && !harmless.has(errnoName(-result))) throw new SysError("unlinkat", -result, path);
    return result === 0;
  });
}
