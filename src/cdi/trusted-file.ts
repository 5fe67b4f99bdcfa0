import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { BerthError, errnoCode, MAX_JSON_BYTES } from "../base/index.ts";
import { isOpenToOthers, isOwnerTrusted, readSized } from "../linux/index.ts";
import { unreadable } from "./source.ts";

/**
 * The bytes of a CDI file that only root (or, for an unprivileged `user`, that user) can have written: each hook of it is code that an engine runs
 * as root. What a link leads to counts like the link. Throws BERTH-F001. Rule: security reference, SEC-X13.
 */
export function readTrustedFile(path: string, user: number): Uint8Array {
  let fd: number | undefined;
  try {
    const link = lstatSync(path);
    if (link.isSymbolicLink()) checkLink(path, link, user);
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw unreadable(path, "it is not a regular file");
    checkTrust(path, stats, user);
    if (stats.size > MAX_JSON_BYTES)
      throw unreadable(path, `it has ${stats.size} bytes, and ${MAX_JSON_BYTES} are allowed`);
    return readSized(fd, stats.size);
  } catch (thrown) {
    throw asUnreadable(path, thrown);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Whether the folder is there. Throws BERTH-F001 where anybody else can put files into it, or where it is no folder. */
export function checkTrustedFolder(path: string, user: number): boolean {
  try {
    const link = lstatSync(path);
    if (link.isSymbolicLink()) checkOwner(path, link, user);
    const stats = statSync(path);
    if (!stats.isDirectory()) throw unreadable(path, "it is not a folder");
    checkTrust(path, stats, user);
    return true;
  } catch (thrown) {
    const code = errnoCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw asUnreadable(path, thrown);
  }
}

/** BERTH-F001 for a file call that failed; a BerthError as it is. */
export function asUnreadable(path: string, thrown: unknown): BerthError {
  if (thrown instanceof BerthError) return thrown;
  const code = errnoCode(thrown);
  const why = code === "ENOENT" ? "it leads nowhere" : `the kernel says ${code ?? String(thrown)}`;
  return unreadable(path, why, thrown);
}

function checkLink(path: string, link: Stats, user: number): void {
  checkOwner(path, link, user);
  const folder = dirname(realpathSync(path));
  checkTrust(folder, statSync(folder), user);
}

function checkTrust(path: string, stats: Stats, user: number): void {
  checkOwner(path, stats, user);
  if (!isOpenToOthers(stats)) return;
  throw distrust(path, "users other than its owner can write it", `chmod go-w ${path}`);
}

function checkOwner(path: string, stats: Stats, user: number): void {
  if (isOwnerTrusted(stats, user)) return;
  throw distrust(path, `it belongs to user ${stats.uid}, not to root`, `chown -h root: ${path}`);
}

function distrust(path: string, why: string, remedy: string): BerthError {
  const message = `Cannot trust the CDI file or folder "${path}": ${why}, and what it says is run as root`;
  return new BerthError({ code: "BERTH-F001", message, remedy });
}
