import { closeSync, constants, openSync, readSync } from "node:fs";
import { statDescriptor } from "./file-stat.ts";
import { refusal } from "./root-path.ts";
import { SysError, trySyscall } from "./sys.ts";

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;
/** The longest that the kernel makes a link. */
const MAX_LINK_BYTES = 4096;
const NOT_A_LINK: ReadonlySet<string> = new Set(["EINVAL", "ENOENT", "ENOTDIR"]);

/** The bytes of a file, as `useRegular` opens it. Throws BERTH-P001 for more than `maxBytes`, too. */
export function readRegular(place: number, maxBytes: number, doing: string): Uint8Array {
  return useRegular(place, doing, (fd, size) => {
    const bytes = size > maxBytes ? undefined : readUpTo(fd, size, maxBytes);
    if (bytes === undefined) throw refusal(doing, `it is larger than ${maxBytes} bytes`);
    return bytes;
  });
}

/**
 * Calls `use` with a readable descriptor and the size of the regular file that an O_PATH descriptor stands for. A device, FIFO or
 * anything else is never opened: BERTH-P001, which begins with `doing`.
 */
export function useRegular<T>(place: number, doing: string, use: (fd: number, size: number) => T): T {
  const found = statDescriptor(place);
  if (found.kind !== "file") throw refusal(doing, `it is not a regular file (${found.kind})`);
  const fd = openSync(`/proc/self/fd/${place}`, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    const opened = statDescriptor(fd);
    const isSame = opened.kind === "file" && opened.dev === found.dev && opened.ino === found.ino;
    if (!isSame) throw refusal(doing, "it is not the file that was found");
    return use(fd, found.size);
  } finally {
    closeSync(fd);
  }
}

/** To the end of the file, or undefined when that is more than `maxBytes`; the size may be wrong, as it is in procfs. */
function readUpTo(fd: number, sizeHint: number, maxBytes: number): Uint8Array | undefined {
  let buffer = new Uint8Array(Math.min(Math.max(sizeHint, 4096), maxBytes) + 1);
  let filled = 0;
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, null);
    if (count === 0) return buffer.subarray(0, filled);
    filled += count;
    if (filled > maxBytes) return undefined;
    if (filled === buffer.length) {
      const larger = new Uint8Array(Math.min(filled * 2, maxBytes + 1));
      larger.set(buffer);
      buffer = larger;
    }
  }
}

/** The names in an open folder without "." and "..", in the folder's own order. Throws a RangeError when there are too many. */
export function listFolder(fd: number, maxEntries: number): string[] {
  const names: string[] = [];
  const block = Buffer.alloc(32 * 1024);
  for (;;) {
    const count = trySyscall("getdents64", fd, block, block.length);
    if (count < 0) throw new SysError("getdents64", -count);
    if (count === 0) return names;
    takeNames(block.subarray(0, count), names);
    if (names.length > maxEntries) throw new RangeError(`it holds more than ${maxEntries} entries`);
  }
}

/** struct linux_dirent64: inode and offset (8 bytes each), record length (2), type (1), name to the NUL. */
function takeNames(block: Buffer, names: string[]): void {
  for (let at = 0; at < block.length; at += block.readUInt16LE(at + 16)) {
    const name = block.toString("utf8", at + 19, block.indexOf(0, at + 19));
    if (name !== "." && name !== "..") names.push(name);
  }
}

/** What the link `name` in a folder says, or undefined when there is no link of that name. */
export function readLinkAt(folder: number, name: string): string | undefined {
  const target = Buffer.alloc(MAX_LINK_BYTES);
  const count = trySyscall("readlinkat", folder, name, target, target.length);
  if (count >= 0) return target.toString("utf8", 0, count);
  const error = new SysError("readlinkat", -count, name);
  if (NOT_A_LINK.has(error.code)) return undefined;
  throw error;
}
