import { errnoCode } from "../base/index.ts";
import { SysError, syscall, trySyscall } from "./sys.ts";

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of linux/limits.h. */
const MAX_BYTES = 64 * 1024;
const NO_ATTRIBUTES: ReadonlySet<string> = new Set(["EOPNOTSUPP", "ENOSYS"]);
/** A folder's default list gives one to every new file. */
const ACCESS_LIST = "system.posix_acl_access";
const FS_IOC_GETFLAGS = 0x8008_6601;
const IMMUTABLE_OR_APPEND = 0x10 | 0x20;

/**
 * Gives an open file the extended attributes of another: its label, its access list, and what users set. Gives back
 * those that it could not be given (the measure of its content that IMA keeps, or a label where this user may set
 * none).
 */
export function copyAttributes(from: number, to: number): readonly string[] {
  const wanted = listAttributes(from);
  const isInherited = listAttributes(to).includes(ACCESS_LIST) && !wanted.includes(ACCESS_LIST);
  if (isInherited) syscall(ACCESS_LIST, "fremovexattr", to, ACCESS_LIST);
  return wanted.filter((name) => !copyAttribute(from, to, name));
}

/** The value of an attribute; undefined: there is none. */
export function readAttribute(fd: number, name: string): Uint8Array | undefined {
  const value = new Uint8Array(MAX_BYTES);
  const size = trySyscall("fgetxattr", fd, name, value, value.length);
  if (size >= 0) return value.slice(0, size);
  const error = new SysError("fgetxattr", -size, name);
  if (error.code === "ENODATA" || NO_ATTRIBUTES.has(error.code)) return undefined;
  throw error;
}

/** Whether a file or a folder is marked as one that nobody changes (chattr(1)). */
export function isImmutable(fd: number): boolean {
  const flags = new Uint32Array(2);
  return trySyscall("ioctl", fd, FS_IOC_GETFLAGS, flags) === 0 && ((flags[0] ?? 0) & IMMUTABLE_OR_APPEND) !== 0;
}

function listAttributes(fd: number): readonly string[] {
  const names = Buffer.alloc(MAX_BYTES);
  const size = trySyscall("flistxattr", fd, names, names.length);
  if (size >= 0)
    return names
      .toString("utf8", 0, size)
      .split("\0")
      .filter((name) => name !== "");
  const error = new SysError("flistxattr", -size);
  if (NO_ATTRIBUTES.has(error.code)) return [];
  throw error;
}

function copyAttribute(from: number, to: number, name: string): boolean {
  const value = readAttribute(from, name);
  const own = readAttribute(to, name);
  if (value === undefined || (own !== undefined && Buffer.compare(own, value) === 0)) return true;
  try {
    syscall(name, "fsetxattr", to, name, value, value.length, 0);
    return true;
  } catch (error) {
    if (errnoCode(error) === "ENOSPC" || errnoCode(error) === "EDQUOT") throw error;
    return false;
  }
}
