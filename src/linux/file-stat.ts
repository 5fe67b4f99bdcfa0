import { SysError, trySyscall } from "./sys.ts";

export interface FileStat {
  readonly kind: "file" | "folder" | "link" | "char" | "block" | "fifo" | "socket";
  readonly size: number;
  /** Permission bits with set-user-id, set-group-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of the device that a node stands for; 0 for everything else. */
  readonly major: number;
  readonly minor: number;
  /** Of the file system, "major:minor". With `ino` it says which file this is. */
  readonly dev: string;
  readonly ino: bigint;
}

const KINDS: Readonly<Record<number, FileStat["kind"]>> = {
  0o010000: "fifo",
  0o020000: "char",
  0o040000: "folder",
  0o060000: "block",
  0o100000: "file",
  0o120000: "link",
  0o140000: "socket",
};

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;
const STATX_BYTES = 256;
const ENOENT = 2;
const STATFS_WORDS = 15;
/** One for all calls: what is in it is read before the next one. */
let answer: DataView | undefined;

/** What an open descriptor is, O_PATH ones too. Throws the SysError of statx(2). */
export function statDescriptor(fd: number): FileStat {
  const stat = statWith(fd, "", AT_EMPTY_PATH);
  if (stat === undefined) throw new SysError("statx", ENOENT);
  return stat;
}

/** What `name` in an open folder is, a link itself; undefined when there is nothing. Throws the SysError of statx(2). */
export function statAt(folder: number, name: string): FileStat | undefined {
  return statWith(folder, name, AT_SYMLINK_NOFOLLOW);
}

/** What is at a path of this machine, links followed; undefined when there is nothing. Throws the SysError of statx(2). */
export function statPath(path: string): FileStat | undefined {
  return statWith(AT_FDCWD, path, 0);
}

/** Which mount an open descriptor lies in, by its number in the mount table (statx(2), Linux 5.8); undefined: an older kernel does not say. */
export function mountIdOf(fd: number): number | undefined {
  const view = (answer ??= new DataView(new ArrayBuffer(STATX_BYTES)));
  const result = trySyscall("statx", fd, "", AT_EMPTY_PATH, STATX_MNT_ID, new Uint8Array(view.buffer));
  if (result < 0) throw new SysError("statx", -result);
  return (view.getUint32(0, true) & STATX_MNT_ID) === 0 ? undefined : Number(view.getBigUint64(144, true));
}

/** `f_type` of the file system that a descriptor is on: struct statfs of 64-bit machines (asm-generic/statfs.h). */
export function fileSystemOf(fd: number): number {
  const words = new BigUint64Array(STATFS_WORDS);
  const result = trySyscall("fstatfs", fd, words);
  if (result < 0) throw new SysError("fstatfs", -result);
  return Number(words[0]);
}

/** Offsets of struct statx: linux/stat.h. */
function statWith(fd: number, name: string, flags: number): FileStat | undefined {
  const view = (answer ??= new DataView(new ArrayBuffer(STATX_BYTES)));
  const result = trySyscall("statx", fd, name, flags, STATX_BASIC_STATS, new Uint8Array(view.buffer));
  if (result === -ENOENT) return undefined;
  if (result < 0) throw new SysError("statx", -result, name);
  const mode = view.getUint16(28, true);
  return {
    kind: KINDS[mode & 0o170000] ?? "file",
    size: Number(view.getBigUint64(40, true)),
    mode: mode & 0o7777,
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    major: view.getUint32(128, true),
    minor: view.getUint32(132, true),
    dev: `${view.getUint32(136, true)}:${view.getUint32(140, true)}`,
    ino: view.getBigUint64(32, true),
  };
}
