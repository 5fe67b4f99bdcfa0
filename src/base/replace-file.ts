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
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { errnoCode } from "./error.ts";
import { isAbandoned, temporaryName } from "./temporary-name.ts";

export interface ReplaceOptions {
  /** Replace the file that a symbolic link leads to; without it a link is an ELOOP error. */
  readonly followLink?: boolean;
  /** Permission bits of a file that does not exist yet; 0644 without it. */
  readonly mode?: number;
  /** As if nothing were there: neither mode and owner of an old file count, nor that it is a link, which is replaced itself. */
  readonly asNew?: boolean;
}

/**
 * Puts `content` in place of a file in one step: a reader, or a power cut, meets the old file or the new one. Mode and
 * owner stay; extended attributes do not. Throws the error of the file call that failed, and then nothing has changed.
 */
export function replaceFile(path: string, content: Uint8Array | string, options: ReplaceOptions = {}): void {
  const target = options.followLink === true ? realPath(path) : path;
  const old = options.asNew === true ? undefined : lstatSync(target, { throwIfNoEntry: false });
  if (old !== undefined) checkKind(target, old);
  const folder = dirname(target);
  removeAbandoned(target);
  const temporary = join(folder, temporaryName(prefixOf(target)));
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

/** Removes what a process left beside `path` that was killed before it could put a new file in its place. */
export function removeAbandoned(path: string): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    if (isAbandoned(name, prefixOf(path))) rmSync(join(folder, name), { force: true });
  }
}

function prefixOf(path: string): string {
  return `.${basename(path).slice(0, 60)}.`;
}

function realPath(path: string): string {
  try {
    const real = realpathSync(path);
    refuseOthersLinks(path);
    return real;
  } catch (error) {
    // A link that leads nowhere stays an error: whoever made it meant another place.
    if (errnoCode(error) !== "ENOENT" || lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw error;
    return path;
  }
}

const SHARED = 0o1002;

/** As the kernel does with fs.protected_symlinks, which knows nothing of a rename: in a folder like /tmp another user's link leads wherever that user wants. */
function refuseOthersLinks(path: string): void {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link?.isSymbolicLink() !== true) return;
  const folder = statSync(dirname(path));
  const isShared = (folder.mode & SHARED) === SHARED;
  if (isShared && link.uid !== process.geteuid?.() && link.uid !== folder.uid) {
    const message = `EACCES: it is a link of user ${link.uid}, replace '${path}'`;
    throw Object.assign(new Error(message), { code: "EACCES", path });
  }
  refuseOthersLinks(resolve(dirname(path), readlinkSync(path)));
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
