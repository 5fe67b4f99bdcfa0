import { closeSync, constants, fstatSync, readFileSync } from "node:fs";
import { inUse } from "./edit-fault.ts";
import { ANY_NAME, type EditPlace } from "./edit-place.ts";
import { statAt } from "./file-stat.ts";
import { openIn } from "./open-in.ts";
import { errnoName, SysError, trySyscall } from "./sys.ts";

/** renameat2(2) */
const NOREPLACE = 1;
const EXCHANGE = 2;
const MAX_TRIES = 20;
const UNSUPPORTED: ReadonlySet<string> = new Set(["EINVAL", "ENOSYS"]);

/** A file as it was read, open still. */
export interface OldFile {
  readonly fd: number;
  readonly bytes: Uint8Array;
  readonly stats: FileTimes;
}

interface FileTimes {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly mode: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly nlink: bigint;
}

/** The times of an open file, in nanoseconds. */
export function timesOf(fd: number): FileTimes {
  return fstatSync(fd, { bigint: true });
}

/**
 * Puts the finished file `temporary` in the place of the one that was read. False: that is not what stands there any
 * more, and what somebody else put there stands there still. Where the file system can exchange two names, nothing that
 * was written meanwhile is lost, by whatever program.
 */
export function swapIn(place: EditPlace, temporary: string, old: OldFile | undefined): boolean {
  const { folder, name } = place;
  if (old === undefined) return rename(place, temporary, name, NOREPLACE) !== "taken";
  if (!isUnchanged(place, old)) return false;
  const own = statAt(folder, temporary)?.ino;
  const exchanged = rename(place, temporary, name, EXCHANGE);
  if (exchanged === "taken") return false;
  if (exchanged === "replaced" || holds(folder, temporary, old)) return true;
  putBack(place, temporary, own);
  return false;
}

/** Takes the file that was read from its place, and leaves it as `temporary`. False as above. */
export function swapOut(place: EditPlace, temporary: string, old: OldFile): boolean {
  const { folder, name } = place;
  if (!isUnchanged(place, old)) return false;
  if (rename(place, name, temporary, NOREPLACE) === "taken") return false;
  if (holds(folder, temporary, old)) return true;
  // If there is yet another one meanwhile, it replaced what was taken out here, as its writer meant.
  if (rename(place, temporary, name, NOREPLACE) === "taken") trySyscall("unlinkat", folder, temporary, 0);
  return false;
}

/**
 * Somebody wrote between the last look and the exchange: what is his goes back. What comes out then has to be what was
 * put there last; if it is anything else, he wrote again meanwhile, and that goes back.
 */
function putBack(place: EditPlace, temporary: string, own: bigint | undefined): void {
  const { folder, name, path } = place;
  let last = own;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const going = statAt(folder, temporary)?.ino;
    if (rename(place, temporary, name, EXCHANGE) === "taken") rename(place, temporary, name, NOREPLACE);
    const left = statAt(folder, temporary)?.ino;
    if (left === undefined || left === last) return;
    last = going;
  }
  const why = `somebody keeps replacing it, and what was there once is "${place.folderPath}/${temporary}" now`;
  throw inUse(path, why, "stop the program that writes it, and compare the two");
}

function isUnchanged({ folder, name }: EditPlace, { fd, stats }: OldFile): boolean {
  const now = timesOf(fd);
  const found = statAt(folder, name);
  const isSame = now.size === stats.size && now.mtimeNs === stats.mtimeNs && now.mode === stats.mode;
  return isSame && now.uid === stats.uid && now.gid === stats.gid && found?.kind === "file" && found.ino === stats.ino;
}

/** Whether a name is that of a file as it was read; its number may be another, as overlayfs gives one when it copies. */
function holds(folder: number, name: string, { bytes, stats }: OldFile): boolean {
  const fd = openIn(folder, name, { flags: constants.O_RDONLY | constants.O_NONBLOCK, resolve: ANY_NAME });
  if (fd < 0) return false;
  try {
    const { mode, uid, gid } = timesOf(fd);
    const isSame = mode === stats.mode && uid === stats.uid && gid === stats.gid;
    return isSame && Buffer.compare(readFileSync(fd), bytes) === 0;
  } finally {
    closeSync(fd);
  }
}

/** "taken": the name is not free, or there is nothing to exchange with; "replaced": the file system can do no more than that. */
function rename({ folder, path }: EditPlace, from: string, to: string, flags: number): "done" | "taken" | "replaced" {
  const result = trySyscall("renameat2", folder, from, folder, to, flags);
  if (result === 0) return "done";
  const code = errnoName(-result);
  if (code === "EEXIST" || code === "ENOENT") return "taken";
  if (!UNSUPPORTED.has(code)) throw new SysError("renameat2", -result, path);
  if (flags === NOREPLACE && statAt(folder, to) !== undefined) return "taken";
  const plain = trySyscall("renameat", folder, from, folder, to);
  if (plain < 0) throw new SysError("renameat", -plain, path);
  return "replaced";
}
