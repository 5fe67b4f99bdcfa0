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
  replaceAt(folder, name, (temporary) => {
    const fd = openIn(folder, temporary, { flags: NEW_FILE, resolve: ONE_NAME, mode: 0o600 });
    if (fd < 0) throw new SysError("openat2", -fd, temporary);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
      fchownSync(fd, attributes.uid, attributes.gid);
      fchmodSync(fd, attributes.mode);
    } finally {
      closeSync(fd);
    }
  });
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
const PREFIX = ".berth-";

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

/** What a start left in a folder that was killed before its rename. */
function removeAbandoned(folder: number): void {
  const fd = openIn(folder, ".", { flags: EXISTING_FOLDER, resolve: ONE_NAME });
  if (fd < 0) throw new SysError("openat2", -fd, ".");
  try {
    for (const name of listFolder(fd, MAX_NAMES)) {
      if (isAbandoned(name, PREFIX)) trySyscall("unlinkat", folder, name, 0);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
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
  const isOurs = uid === process.geteuid?.() && (mode & 0o777 & ~0o755) === 0;
  if (!isOurs) throw new RangeError("something else took the place of the folder that was just made");
  if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
  fchmodSync(fd, 0o755);
}
