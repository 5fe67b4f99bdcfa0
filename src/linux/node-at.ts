import { chmodSync, closeSync } from "node:fs";
import { temporaryName } from "../base/index.ts";
import { statDescriptor } from "./file-stat.ts";
import { O_PATH, ONE_NAME, openIn } from "./open-in.ts";
import { joinDeviceNumber } from "./proc.ts";
import { syscall, SysError, trySyscall } from "./sys.ts";
import { PREFIX, removeAbandoned, type FileAttributes } from "./write-at.ts";

/** A character device with its permission bits and owner. */
export interface CharDevice extends FileAttributes {
  readonly major: number;
  readonly minor: number;
}

const CHARACTER_DEVICE = 0o020000;
const AT_EMPTY_PATH = 0x1000;
/** renameat2(2) */
const NO_REPLACE = 1;
const EEXIST = -17;

/** Makes a character device, which is there with its owner and mode or not at all; false: something has the name already. */
export function makeNodeAt(folder: number, name: string, device: CharDevice): boolean {
  removeAbandoned(folder);
  const temporary = temporaryName(PREFIX);
  try {
    const number = joinDeviceNumber(device);
    syscall(temporary, "mknodat", folder, temporary, CHARACTER_DEVICE | 0o600, number);
    if (!changeNodeAt(folder, temporary, device)) throw new RangeError("something else took the place of the new node");
    const result = trySyscall("renameat2", folder, temporary, folder, name, NO_REPLACE);
    if (result < 0 && result !== EEXIST) throw new SysError("renameat2", -result, name);
    if (result === EEXIST) trySyscall("unlinkat", folder, temporary, 0);
    return result === 0;
  } catch (error) {
    trySyscall("unlinkat", folder, temporary, 0);
    throw error;
  }
}

/** Gives a character device its owner and mode; false: what has the name is not this device. No link is followed. */
export function changeNodeAt(folder: number, name: string, device: CharDevice): boolean {
  const fd = openIn(folder, name, { flags: O_PATH, resolve: ONE_NAME });
  if (fd < 0) throw new SysError("openat2", -fd, name);
  try {
    const { kind, major, minor } = statDescriptor(fd);
    if (kind !== "char" || major !== device.major || minor !== device.minor) return false;
    syscall(name, "fchownat", fd, "", device.uid, device.gid, AT_EMPTY_PATH);
    chmodSync(`/proc/self/fd/${fd}`, device.mode);
    return true;
  } finally {
    closeSync(fd);
  }
}
