import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { BerthError, errnoCode, parseStrictInteger } from "../base/index.ts";

const FIRST_READ_BYTES = 4096;

/**
 * The bytes of a regular file (procfs included), or undefined when there is none. Never blocks on a FIFO. Throws
 * BERTH-D004 for anything that is not a regular file or holds more than `maxBytes`, and errno errors as they are.
 */
export function readBounded(path: string, maxBytes: number): Uint8Array | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    if (!fstatSync(fd).isFile()) throw unreadable(path, "it is not a regular file");
    return readDescriptor(fd, path, maxBytes);
  } finally {
    closeSync(fd);
  }
}

/** The same as text; bytes that are not UTF-8 become U+FFFD. */
export function readText(path: string, maxBytes: number): string | undefined {
  const bytes = readBounded(path, maxBytes);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const code = errnoCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "ENXIO") throw unreadable(path, "it is not a regular file");
    throw error;
  }
}

/** The rest of an open file; `path` is what a message calls it. Throws BERTH-D004 for more than `maxBytes`. */
export function readDescriptor(fd: number, path: string, maxBytes: number): Uint8Array {
  let buffer = new Uint8Array(Math.min(FIRST_READ_BYTES, maxBytes + 1));
  let length = 0;
  for (;;) {
    const read = readSync(fd, buffer, length, buffer.length - length, null);
    length += read;
    if (length > maxBytes) throw unreadable(path, `it holds more than ${maxBytes} bytes`);
    if (read === 0) return buffer.subarray(0, length);
    if (length === buffer.length) buffer = grow(buffer, maxBytes + 1);
  }
}

/** The first `size` bytes of what is left of an open file; fewer where it ends before. */
export function readSized(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let read = 1; read > 0 && length < size; length += read) {
    read = readSync(fd, bytes, length, size - length, null);
  }
  return bytes.subarray(0, length);
}

function grow(buffer: Uint8Array, limit: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(buffer.length * 4, limit));
  larger.set(buffer);
  return larger;
}

function unreadable(path: string, why: string): BerthError {
  const message = `Cannot read "${path}": ${why}`;
  return new BerthError({ code: "BERTH-D004", message, remedy: `look at it with: stat ${path}` });
}

/** The character devices of /proc/devices: driver name → major number. Of a name that has several, the first. */
export function parseCharMajors(text: string): ReadonlyMap<string, number> {
  const majors = new Map<string, number>();
  const [characters = ""] = text.split("Block devices:");
  for (const [, number = "", name = ""] of characters.matchAll(/^ *(\d+) (\S+)$/gm)) {
    const major = parseStrictInteger(number, 0xfff_ffff);
    if (major !== undefined && !majors.has(name)) majors.set(name, major);
  }
  return majors;
}

/** What the running kernel drew at boot: a UUID. The machine's own, whatever root is described. */
export function readBootId(): string {
  return readText("/proc/sys/kernel/random/boot_id", 64)?.trim() ?? "unknown";
}

/** Major (12 bits) and minor (20 bits) of a `st_rdev`, as the kernel's new_encode_dev packs them. */
export function splitDeviceNumber(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

/** The two in one number, as mknod(2) takes them (new_encode_dev). */
export function joinDeviceNumber({ major, minor }: { readonly major: number; readonly minor: number }): number {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/** The user whose rights this process has; files of others are not to be believed. */
export function effectiveUid(): number {
  return process.geteuid?.() ?? 0;
}

/** Whether this process is in a user namespace that is not the machine's own: whether numbers of users are mapped (user_namespaces(7)). */
export function isUserNamespace(): boolean {
  const map = readText("/proc/self/uid_map", 4096)?.trim().split(/\s+/).join(" ");
  return map !== undefined && map !== "0 0 4294967295";
}

/** Whether systemd owns one of the control groups of proc_pid_cgroup(5): it writes the permissions of its units anew whenever it reads their files again. */
export function isOfSystemd(cgroups: string): boolean {
  return /\.(?:scope|service)$/m.test(cgroups);
}
