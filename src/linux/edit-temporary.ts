import { closeSync, constants, fchmodSync, fchownSync, fsyncSync, writeSync } from "node:fs";
import { messageOf, sha256Of, temporaryName } from "../base/index.ts";
import { ANY_NAME, type EditPlace } from "./edit-place.ts";
import type { OldFile } from "./edit-swap.ts";
import { openIn } from "./open-in.ts";
import { listFolder } from "./read-at.ts";
import { errnoName, SysError, trySyscall } from "./sys.ts";
import { copyAttributes } from "./xattr.ts";

const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const MAX_NAMES = 100_000;
const KEPT_BACKUPS = 5;
const NOREPLACE = 1;
/** What an editor makes, what it keeps, and what it exchanges. */
const TEMPORARY = { new: ".berth-new.", old: ".berth-old.", swap: ".berth-swap." } as const;

/** The name of a file that stands beside the one that is changed until it takes its place. */
export function temporaryFor(name: string, use: "new" | "old"): string {
  return temporaryName(prefixFor(name, use));
}

/** The name of a finished file that is about to take the place: it says what stands in it and what stood in the file that was read. */
export function swapName(name: string, bytes: Uint8Array | undefined, old: Uint8Array | undefined): string {
  const [written, read] = [bytes, old].map((each) => (each === undefined ? GONE : shortHash(sha256Of(each))));
  return temporaryName(`${prefixFor(name, "swap")}${written}.${read}.`);
}

/** What follows the prefix of such a name. */
export const SWAP = /^([0-9a-f]{16}|gone)\.([0-9a-f]{16}|gone)\.\d+$/;
/** In place of a hash: no file. */
export const GONE = "gone";

/** Of a hash what stands in a file name: 16 digits. */
export function shortHash(hash: string): string {
  return hash.slice(0, 16);
}

/**
 * Makes a whole file, on the disk when this returns: with mode, owner, label, access list and other attributes of
 * `old`, whatever the umask. Gives back the attributes that it could not be given.
 */
export function makeFile(folder: number, name: string, bytes: Uint8Array, old: OldFile | undefined): readonly string[] {
  const fd = openIn(folder, name, { flags: NEW_FILE, resolve: ANY_NAME, mode: 0o600 });
  if (fd < 0) throw new SysError("openat2", -fd, name);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
    const lost = old === undefined ? [] : keep(fd, old);
    if (old === undefined) fchmodSync(fd, 0o644);
    fsyncSync(fd);
    return lost;
  } catch (error) {
    remove(folder, name);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The owner first, since a change of it takes bits of the mode away; the access list last, since the mode is a part of it. */
function keep(fd: number, { fd: from, stats }: OldFile): readonly string[] {
  fchownSync(fd, Number(stats.uid), Number(stats.gid));
  fchmodSync(fd, Number(stats.mode) & 0o7777);
  return copyAttributes(from, fd);
}

/** Keeps what was read beside the file, as `NAME.berth-backup.TIME` (UTC). Gives back its name. */
export function makeBackup({ folder, name }: EditPlace, old: OldFile, now: Date): string {
  const temporary = temporaryFor(name, "old");
  makeFile(folder, temporary, old.bytes, old);
  for (let time = now.getTime(); ; time++) {
    const backup = `${backupPrefix(name)}${new Date(time).toISOString().replace(/[-:.]/g, "")}`;
    const result = trySyscall("renameat2", folder, temporary, folder, backup, NOREPLACE);
    if (result === 0) return backup;
    if (errnoName(-result) === "EEXIST") continue;
    remove(folder, temporary);
    throw new SysError("renameat2", -result, backup);
  }
}

/** Takes away all but the newest backups. Gives back a warning where they cannot be found. */
export function pruneBackups({ folder, name, path }: EditPlace): readonly string[] {
  const prefix = backupPrefix(name);
  const isBackup = (each: string) => each.startsWith(prefix) && /^\d{8}T\d{9}Z$/.test(each.slice(prefix.length));
  try {
    for (const each of namesIn(folder).filter(isBackup).toSorted().slice(0, -KEPT_BACKUPS)) remove(folder, each);
    return [];
  } catch (error) {
    return [`old backups of "${path}" stay: ${messageOf(error)}`];
  }
}

/** Removes a name from an open folder, if it can be. */
export function remove(folder: number, name: string): void {
  trySyscall("unlinkat", folder, name, 0);
}

/** The names in an open folder; none of one that is too large to be swept. Throws the SysError of a call that fails. */
export function namesIn(folder: number): readonly string[] {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const fd = openIn(folder, ".", { flags, resolve: 0 });
  if (fd < 0) throw new SysError("openat2", -fd);
  try {
    return listFolder(fd, MAX_NAMES);
  } catch (error) {
    // So large a folder is not swept.
    if (!(error instanceof RangeError)) throw error;
    return [];
  } finally {
    closeSync(fd);
  }
}

/** How the names of our files beside one called `name` begin, by what they are for. */
export function prefixFor(name: string, use: keyof typeof TEMPORARY): string {
  return `.${shorten(name)}${TEMPORARY[use]}`;
}

function backupPrefix(name: string): string {
  return `${shorten(name)}.berth-backup.`;
}

/** A name may have 255 bytes, and something is put behind it. */
function shorten(name: string): string {
  return Buffer.byteLength(name) > 180 ? Array.from(name).slice(0, 45).join("") : name;
}
