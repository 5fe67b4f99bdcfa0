import { closeSync, constants, fchmodSync, fchownSync, writeSync } from "node:fs";
import { isAbandoned, temporaryName } from "../base/index.ts";
import { statDescriptor } from "./file-stat.ts";
import { ONE_NAME, openIn } from "./open-in.ts";
import { listFolder, readLinkAt } from "./read-at.ts";
import { syscall, SysError, trySyscall } from "./sys.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface FileAttributes extends Owner {
  /** Permission bits, whatever the umask. */
  readonly mode: number;
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const EXISTING_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const AT_SYMLINK_NOFOLLOW = 0x100;
const EEXIST = 17;

/** Puts a new file in the place of `name`, whatever is there but a folder, in one step; on a failure nothing is left behind. */
export function replaceFileAt(folder: number, name: string, bytes: Uint8Array, attributes: FileAttributes): void {
  // An empty file is whole as soon as it is there: something to mount on needs no other name first.
  if (bytes.length === 0 && makeFile(folder, name, bytes, attributes)) return;
  replaceAt(folder, name, (temporary) => {
    if (!makeFile(folder, temporary, bytes, attributes)) throw new SysError("openat2", EEXIST, temporary);
  });
}

/** False: something is there already. On a failure nothing is left behind. */
function makeFile(folder: number, name: string, bytes: Uint8Array, attributes: FileAttributes): boolean {
  // What holds nothing is for whom it is meant at once: nobody comes back to it after a kill.
  const mode = bytes.length === 0 ? attributes.mode : 0o600;
  const fd = openIn(folder, name, { flags: NEW_FILE, resolve: ONE_NAME, mode });
  if (fd === -EEXIST) return false;
  if (fd < 0) throw new SysError("openat2", -fd, name);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
    fchownSync(fd, attributes.uid, attributes.gid);
    fchmodSync(fd, attributes.mode);
    return true;
  } catch (error) {
    trySyscall("unlinkat", folder, name, 0);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Puts a link at `name`, in one step in the place of whatever is there but a folder; on a failure nothing is left behind. */
export function replaceLinkAt(folder: number, name: string, target: string, owner: Owner): void {
  const made = trySyscall("symlinkat", target, folder, name);
  if (made === 0) return keepIfOwned(folder, name, owner);
  if (made !== -EEXIST) throw new SysError("symlinkat", -made, name);
  if (readLinkAt(folder, name) === target) return;
  replaceAt(folder, name, (temporary) => {
    syscall(temporary, "symlinkat", target, folder, temporary);
    giveLink(folder, temporary, owner);
  });
}

function keepIfOwned(folder: number, name: string, owner: Owner): void {
  try {
    giveLink(folder, name, owner);
  } catch (error) {
    trySyscall("unlinkat", folder, name, 0);
    throw error;
  }
}

function giveLink(folder: number, name: string, { uid, gid }: Owner): void {
  syscall(name, "fchownat", folder, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/** So many names are looked through for what was left; in a larger folder it stays. */
const MAX_NAMES = 100_000;
/** How the name of what is not in its place yet begins. */
export const PREFIX = ".berth-";

function replaceAt(folder: number, name: string, make: (temporary: string) => void): void {
  removeAbandoned(folder);
  const temporary = temporaryName(PREFIX);
  try {
    make(temporary);
    syscall(name, "renameat", folder, temporary, folder, name);
  } catch (error) {
    trySyscall("unlinkat", folder, temporary, 0);
    throw error;
  }
}

/** What a start left in a folder that was killed before its rename. Says whether there was something. */
export function removeAbandoned(folder: number, name = "."): boolean {
  const fd = openIn(folder, name, { flags: EXISTING_FOLDER, resolve: ONE_NAME });
  if (fd < 0) throw new SysError("openat2", -fd, name);
  try {
    const left = listFolder(fd, MAX_NAMES).filter((each) => isAbandoned(each, PREFIX));
    for (const each of left) trySyscall("unlinkat", fd, each, 0);
    return left.length > 0;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  } finally {
    closeSync(fd);
  }
}

/**
 * Goes into the folder `name`, which is made (0755) when it is not there. Returns a descriptor and whether it was made.
 * A link in its place is not followed. Throws the errno error, or a RangeError when what it finds is not what it made.
 */
export function enterFolderAt(folder: number, name: string, owner: Owner | undefined): { fd: number; isNew: boolean } {
  const made = trySyscall("mkdirat", folder, name, 0o755);
  if (made < 0 && made !== -EEXIST) throw new SysError("mkdirat", -made, name);
  const fd = openIn(folder, name, { flags: EXISTING_FOLDER, resolve: ONE_NAME });
  if (fd < 0) throw new SysError("openat2", -fd, name);
  try {
    if (made === 0) finishFolder(fd, owner);
    return { fd, isNew: made === 0 };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function finishFolder(fd: number, owner: Owner | undefined): void {
  const { uid, mode } = statDescriptor(fd);
  const isOurs = (uid === process.geteuid?.() || uid === owner?.uid) && (mode & 0o777 & ~0o755) === 0;
  if (!isOurs) throw new RangeError("something else took the place of the folder that was just made");
  if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
  fchmodSync(fd, 0o755);
}
