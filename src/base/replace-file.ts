import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoCode } from "./error.ts";
import { isAbandoned, temporaryName } from "./temporary-name.ts";

export interface ReplaceOptions {
  /** Replace the file that a symbolic link leads to; without it a link is an ELOOP error. */
  readonly followLink?: boolean;
  /** Permission bits of a file that does not exist yet; 0644 without it. */
  readonly mode?: number;
}

/**
 * Puts `content` in place of a file in one step: a reader, or a power cut, meets the old file or the new one. Mode and
 * owner stay; extended attributes do not. Throws the error of the file call that failed, and then nothing has changed.
 */
export function replaceFile(path: string, content: Uint8Array | string, options: ReplaceOptions = {}): void {
  const target = options.followLink === true ? realPath(path) : path;
  const old = lstatSync(target, { throwIfNoEntry: false });
  if (old !== undefined) checkKind(target, old);
  const folder = dirname(target);
  const prefix = `.${basename(target).slice(0, 60)}.`;
  removeAbandoned(folder, prefix);
  const temporary = join(folder, temporaryName(prefix));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(temporary, flags, 0o600);
  try {
    try {
      fill(fd, content, { old, mode: options.mode ?? 0o644 });
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, target);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
  syncFolder(folder);
}

/** What a process left that was killed before its rename. */
function removeAbandoned(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    if (isAbandoned(name, prefix)) rmSync(join(folder, name), { force: true });
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    // A link that leads nowhere stays an error: whoever made it meant another place.
    if (errnoCode(error) !== "ENOENT" || lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw error;
    return path;
  }
}

function checkKind(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  const [code, why] = stats.isSymbolicLink()
    ? ["ELOOP", "it is a symbolic link"]
    : ["EINVAL", "it is not a regular file"];
  throw Object.assign(new Error(`${code}: ${why}, replace '${path}'`), { code, path });
}

function fill(fd: number, content: Uint8Array | string, wanted: { old: Stats | undefined; mode: number }): void {
  writeAllBytes(fd, typeof content === "string" ? Buffer.from(content) : content);
  const { old, mode } = wanted;
  const made = fstatSync(fd);
  if (old !== undefined && (old.uid !== made.uid || old.gid !== made.gid)) fchownSync(fd, old.uid, old.gid);
  fchmodSync(fd, (old?.mode ?? mode) & 0o7777);
  fsyncSync(fd);
}

function writeAllBytes(fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}

/** Makes the rename last. A file system that cannot (EINVAL) has nothing to sync. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } catch (error) {
    if (errnoCode(error) !== "EINVAL") throw error;
  } finally {
    closeSync(fd);
  }
}
