import { fstatSync } from "node:fs";

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
  /** Of the file system. With `ino` it says which file this is. */
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
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

/** What an open descriptor is, O_PATH ones too. Throws the errno error of fstat(2). */
export function statDescriptor(fd: number): FileStat {
  const { mode, size, uid, gid, rdev, dev, ino, mtimeNs } = fstatSync(fd, { bigint: true });
  return {
    kind: KINDS[Number(mode) & 0o170000] ?? "file",
    size: Number(size),
    mode: Number(mode) & 0o7777,
    uid: Number(uid),
    gid: Number(gid),
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
    dev,
    ino,
    mtimeNs,
  };
}
