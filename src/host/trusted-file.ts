import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { isOpenToOthers, isOwnerTrusted, readSized } from "../linux/index.ts";

/** The text of a file, or why it is not to be believed. */
export type TrustedText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" | "doubtful"; readonly why: string };

/** Reads a file that only this user or root can have written. Whatever is wrong with it is an answer, never an error. */
export function readTrusted(path: string, maxBytes: number): TrustedText {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return readOpened(fd, path, maxBytes);
  } catch (error) {
    const code = errnoCode(error) ?? String(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing", why: `"${path}" does not exist` };
    return { kind: "doubtful", why: `"${path}" cannot be read (${code})` };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function readOpened(fd: number, path: string, maxBytes: number): TrustedText {
  const stat = fstatSync(fd);
  const doubt = (why: string): TrustedText => ({ kind: "doubtful", why: `"${path}" ${why}` });
  if (!stat.isFile()) return doubt("is not a regular file");
  if (!isOwnerTrusted(stat)) return doubt(`belongs to user ${stat.uid}`);
  if (isOpenToOthers(stat)) return doubt("can be written by others");
  if (stat.size > maxBytes) return doubt(`holds more than ${maxBytes} bytes`);
  return { kind: "text", text: new TextDecoder().decode(readSized(fd, stat.size)) };
}
