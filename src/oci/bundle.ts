import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  BerthError,
  errnoCode,
  isJsonObject,
  MAX_JSON_BYTES,
  messageOf,
  parseJson,
  type JsonObject,
} from "../base/index.ts";
import { badField, objectAt, textAt } from "./field.ts";

/** A folder with a container's `config.json`, as it was read once. */
export interface Bundle {
  /** Absolute. */
  readonly dir: string;
  readonly configPath: string;
  readonly bytes: Uint8Array;
  readonly spec: JsonObject;
}

/**
 * Reads `config.json` of a bundle folder ("": the current one); the file is opened once, and a link is not followed.
 * Throws S001 (cannot be read), S002 to S004 (see `parseJson`), S005 (not an object).
 */
export function readBundle(dir: string): Bundle {
  const absolute = resolve(dir);
  const configPath = join(absolute, "config.json");
  const bytes = readConfig(configPath);
  const spec = parseJson(bytes, configPath);
  if (!isJsonObject(spec)) throw badField("", "an object", spec);
  return { dir: absolute, configPath, bytes, spec };
}

/** The absolute path of the container's root file system: `root.path`, which may be relative to the bundle. Throws S005. */
export function rootfsPath(bundle: Bundle): string {
  const path = textAt(objectAt(bundle.spec, "", "root"), "/root", "path");
  if (path === undefined || path === "") throw badField("/root/path", "the path of a folder", undefined);
  return resolve(bundle.dir, path);
}

function readConfig(path: string): Uint8Array {
  const fd = openConfig(path);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw unreadable(path, "it is not a regular file");
    if (stats.size > MAX_JSON_BYTES) throw tooLarge(path);
    return readUpTo(fd, path);
  } finally {
    closeSync(fd);
  }
}

function openConfig(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, whyNotOpened(errnoCode(cause), cause), cause);
  }
}

function whyNotOpened(code: string | undefined, cause: unknown): string {
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  if (code === "ELOOP") return "it is a symbolic link, which is not followed";
  if (code === "EACCES") return "permission is denied";
  return messageOf(cause);
}

/** The size that `fstat` gave is a hint only: the file may grow while it is read. */
function readUpTo(fd: number, path: string): Uint8Array {
  const buffer = new Uint8Array(64 * 1024);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const count = readSome(fd, buffer, path);
    if (count === 0) return Buffer.concat(parts, total);
    parts.push(buffer.slice(0, count));
    total += count;
    if (total > MAX_JSON_BYTES) throw tooLarge(path);
  }
}

function readSome(fd: number, buffer: Uint8Array, path: string): number {
  try {
    return readSync(fd, buffer);
  } catch (cause) {
    throw unreadable(path, messageOf(cause), cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): BerthError {
  const message = `Cannot read the bundle: "${path}": ${why}`;
  const remedy = "name the folder that holds the container's config.json with --bundle DIR";
  return new BerthError({ code: "BERTH-S001", message, remedy }, { cause });
}

function tooLarge(path: string): BerthError {
  return new BerthError({
    code: "BERTH-S004",
    message: `Cannot read "${path}": it has more than ${MAX_JSON_BYTES} bytes`,
    remedy: "make it smaller: an OCI runtime configuration has some ten thousand bytes",
  });
}
