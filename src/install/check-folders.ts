import { lstatSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { BerthError } from "../base/index.ts";

const STICKY = 0o1000;

/** Who installs: everything that leads to the files belongs to this user or to root. */
export interface Installer {
  readonly uid: number;
  readonly gid: number;
}

export interface FolderCheck extends Installer {
  readonly root: string;
  readonly prefix: string;
}

/**
 * Makes sure that nobody else can exchange a file in one of these folders, which need not exist yet: an engine starts
 * what is in there as root. No folder may be a link. Throws BERTH-I001.
 */
export function checkFolders(folders: readonly string[], check: FolderCheck): void {
  const all = new Set(folders.flatMap((folder) => withAncestors(join(check.root, folder))));
  for (const folder of [...all].toSorted()) {
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    const fault = stats === undefined ? undefined : findFault(stats, check, isAbove(folder, check));
    if (fault === undefined) continue;
    const message = `Cannot use the prefix "${check.prefix}": "${folder}" ${fault.why}`;
    throw new BerthError({ code: "BERTH-I001", message, remedy: fault.remedy(folder) });
  }
}

/** The folder and those above it, without "/" itself: whoever can write there can do anything. */
function withAncestors(folder: string): readonly string[] {
  return folder === "/" ? [] : [...withAncestors(dirname(folder)), folder];
}

/** In a folder above, others may make files of their own (/tmp) as long as they cannot take away ours. */
function isAbove(folder: string, { root, prefix }: FolderCheck): boolean {
  return join(root, prefix).startsWith(`${folder}/`);
}

interface Fault {
  readonly why: string;
  readonly remedy: (folder: string) => string;
}

function findFault(stats: Stats, { uid, gid }: Installer, isAncestor: boolean): Fault | undefined {
  if (stats.isSymbolicLink()) return { why: "is a link", remedy: (folder) => `put a folder in place of ${folder}` };
  if (!stats.isDirectory()) return { why: "is no folder", remedy: (folder) => `move ${folder} away` };
  if (stats.uid !== 0 && stats.uid !== uid)
    return { why: `belongs to user ${stats.uid}`, remedy: () => "install as that user, or name another --prefix" };
  // A user's own group, with nobody else in it, is how many distributions make users.
  const isOwnGroup = stats.gid === 0 || (uid !== 0 && stats.gid === gid);
  const isShared = (stats.mode & 0o002) !== 0 || ((stats.mode & 0o020) !== 0 && !isOwnGroup);
  if (!isShared || (isAncestor && (stats.mode & STICKY) !== 0)) return undefined;
  // Of /tmp and its like that is the purpose.
  const isPublic = (stats.mode & STICKY) !== 0;
  return {
    why: "can be written by others",
    remedy: (folder) => (isPublic ? "name another --prefix" : `chmod go-w ${folder}, or name another --prefix`),
  };
}
