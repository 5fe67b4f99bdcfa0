import { chmodSync, closeSync, constants, readlinkSync } from "node:fs";
import { BerthError } from "../base/index.ts";
import { fileSystemOf, statAt, statDescriptor, type FileStat } from "./file-stat.ts";
import { isWritable as canWrite } from "./is-writable.ts";
import { FOLDER, LOOK_UP, O_PATH, openIn, WRITE } from "./open-in.ts";
import { listFolder, readLinkAt, readRegular, useRegular } from "./read-at.ts";
import { joinPath, normalizePath, refusal, splitPath } from "./root-path.ts";
import { errnoName, syscall, SysError, trySyscall } from "./sys.ts";
import {
  enterFolderAt,
  removeAbandoned,
  replaceFileAt,
  replaceLinkAt,
  type FileAttributes,
  type Owner,
} from "./write-at.ts";

const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
/** MOUNT_ATTR_RDONLY, and how a mount is taken off: MNT_DETACH and UMOUNT_NOFOLLOW (linux/mount.h). */
const RDONLY = 1n;
const DETACH_NOFOLLOW = 2 | 8;
const READ_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;
/** As many links as the kernel itself follows in one lookup. */
const MAX_LINKS = 40;
const MISSING: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);
const STAYS: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST", "EBUSY"]);

const UNMOUNTED: ReadonlySet<string> = new Set(["EINVAL", "ENOENT"]);

/** A path without links, and whether something is there. */
export interface Place {
  readonly path: string;
  readonly exists: boolean;
}

/**
 * A root file system behind a handle. Every path is absolute, as a process inside would see it; no link, no `..` and no
 * rename at the same time leads out of it, and nothing is written through a mount. Whatever its content makes impossible
 * is a BERTH-P001 whose cause is the failed call. Needs Linux 5.6 (openat2(2)) and a mounted /proc.
 */
export class Root {
  /** The folder on this machine, as it was given; only for messages. */
  readonly path: string;
  readonly #fd: number;
  /** The folders that were looked into and written into last: most calls are about neighbours of the one before. */
  readonly #near = new FolderHandle(LOOK_UP);
  readonly #into = new FolderHandle(WRITE);

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /**
   * A handle on the folder `path` of this machine, which the caller trusts; `name` is what messages call it. Throws BERTH-P001, or K001 without openat2.
   */
  static open(path: string, name = path): Root {
    const fd = openIn(AT_FDCWD, path, { flags: FOLDER, resolve: 0 });
    if (fd >= 0) return new Root(name, fd);
    const error = new SysError("openat2", -fd, path);
    if (error.code === "ENOSYS" || error.code === "EPERM") throw noOpenat2(error);
    throw refusal(`Cannot open the root file system "${name}"`, error);
  }

  /**
   * As `open`, but the folder's own file system alone, as it is without what is mounted in it: a hook gets at a container's layer this way, and at no volume. The copy
   * of the mount is this handle's and is gone with it (open_tree(2), Linux 5.2; needs CAP_SYS_ADMIN over the mount namespace).
   */
  static openLayer(path: string): Root {
    using whole = Root.open(path);
    return whole.layer();
  }

  /**
   * This root's own file system alone, as `openLayer` gives it. `isWritable`: also where the mount is read-only, since what an engine makes mount points in is not what the
   * container may write to. Only in the mount namespace that the root is in.
   */
  layer({ isWritable = false }: { readonly isWritable?: boolean } = {}): Root {
    const doing = `Cannot open the layer of the root file system "${this.path}"`;
    return wrap(doing, -1, () => {
      const fd = syscall(this.path, "open_tree", this.#fd, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
      const layer = new Root(this.path, fd);
      // What cannot be made writable stays as it is: planning will say what has no place then.
      if (isWritable) trySyscall("mount_setattr", fd, "", AT_EMPTY_PATH, new BigUint64Array([0n, RDONLY, 0n, 0n]), 32);
      return layer;
    });
  }

  /** Whether its mount can be written at all: a file system that is mounted read-only refuses everybody. */
  get isWritable(): boolean {
    return canWrite(`/proc/self/fd/${this.#fd}`);
  }

  /** A handle on the folder at `path` as a root of its own, mounted on or not; undefined when there is none. */
  enter(path: string): Root | undefined {
    const fd = openIn(this.#fd, joinPath(splitPath(path)), { flags: FOLDER, resolve: LOOK_UP });
    if (fd >= 0) return new Root(`${this.path}${path}`, fd);
    if (MISSING.has(errnoName(-fd))) return undefined;
    throw refusal(this.#doing("enter", path), new SysError("openat2", -fd, path));
  }

  /** Where the folder lies in its mount namespace. Throws a RangeError when that has no readable name. */
  get place(): string {
    const path = readlinkSync(`/proc/self/fd/${this.#fd}`);
    if (!path.startsWith("/") || path.endsWith(" (deleted)") || path.includes("\ufffd"))
      throw new RangeError("the root file system has no readable place");
    return path;
  }

  /** What kind of file system the folder is on (statfs(2), `f_type`). */
  get fileSystem(): number {
    return fileSystemOf(this.#fd);
  }

  /** Calls `use` with an O_PATH descriptor of what is at `path`, links followed inside the root, mounts crossed; undefined when there is nothing. */
  usePlace<T>(path: string, use: (fd: number) => T): T | undefined {
    return this.#at("look at", path, O_PATH, use);
  }

  /**
   * Takes off what is mounted last on `path`, by its folder's descriptor, which `check` may refuse; no link in the last place is followed. False when nothing is mounted there. Only
   * in the mount namespace that the root is in; leaves the working folder changed (see `MountNamespace.within`).
   */
  unmount(path: string, check: (folder: number) => void): boolean {
    this.#forget();
    const done = this.#inNear("take off the mount on", path, {
      atRoot: () => undefined,
      use: (folder, name) => {
        check(folder);
        syscall(path, "fchdir", folder);
        const result = trySyscall("umount2", name, DETACH_NOFOLLOW);
        if (result < 0 && !UNMOUNTED.has(errnoName(-result))) throw new SysError("umount2", -result, path);
        return result === 0;
      },
    });
    this.#forget();
    return done === true;
  }

  /** Gives what is at `path` other permission bits, links followed inside the root, mounts crossed; nothing happens when there is nothing. */
  changeMode(path: string, mode: number): void {
    this.#at("change the mode of", path, O_PATH, (fd) => {
      if (statDescriptor(fd).mode !== mode) chmodSync(`/proc/self/fd/${fd}`, mode);
    });
  }

  close(): void {
    this.#forget();
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What is at `path`, links followed inside the root; undefined when there is nothing. */
  stat(path: string): FileStat | undefined {
    return this.#at("look at", path, O_PATH, statDescriptor);
  }

  /** As `stat`, but a link in the last place is not followed. */
  lstat(path: string): FileStat | undefined {
    return this.#inNear("look at", path, { atRoot: () => statDescriptor(this.#fd), use: statAt });
  }

  /** The bytes of a regular file, links followed inside the root; undefined when there is nothing. At most `maxBytes`. */
  readFile(path: string, maxBytes: number): Uint8Array | undefined {
    return this.#at("read", path, O_PATH, (fd) => readRegular(fd, maxBytes, this.#doing("read", path)));
  }

  /** Calls `use` with a readable descriptor of a regular file, links followed inside the root; undefined when there is nothing. */
  useFile<T>(path: string, use: (fd: number) => T): T | undefined {
    return this.#at("read", path, O_PATH, (place) => useRegular(place, this.#doing("read", path), use));
  }

  /** What the link at `path` says, unchecked; undefined when there is no link. */
  readLink(path: string): string | undefined {
    return this.#inNear("read the link", path, { atRoot: () => undefined, use: readLinkAt });
  }

  /** The names in the folder `path`, in no special order; undefined when there is no folder. At most `maxEntries`. */
  list(path: string, maxEntries: number): string[] | undefined {
    return this.#at("list", path, READ_FOLDER, (fd) => listFolder(fd, maxEntries));
  }

  /** Where `path` leads: the path without links. Undefined when there is nothing. */
  resolve(path: string): string | undefined {
    return this.#at("resolve", path, O_PATH, (fd) => this.#canonical(fd));
  }

  /**
   * As `resolve`, also for what does not exist: links are followed as far as there are any, dangling ones too, and the rest
   * of the path stands behind. For planning: what is done afterwards looks the path up again.
   */
  resolveDeep(path: string): Place {
    let pending = joinPath(splitPath(path));
    for (let links = 0; links <= MAX_LINKS; links++) {
      const step = this.#resolveStep(pending);
      if (typeof step !== "string") return step;
      pending = step;
    }
    throw refusal(this.#doing("resolve", path), `it goes through more than ${MAX_LINKS} links`);
  }

  /**
   * Makes the folder `path` and those above it that are missing, 0755. Returns those it made, outermost first, as paths
   * without links. A dangling link on the way is refused; on a failure those it made are gone again.
   */
  makeFolders(path: string, owner?: Owner): string[] {
    const doing = this.#doing("make the folder", path);
    const names = splitPath(path);
    this.#forget();
    let known = names.length;
    let fd = openIn(this.#fd, joinPath(names), { flags: FOLDER, resolve: WRITE });
    while (fd < 0 && errnoName(-fd) === "ENOENT" && known > 0) {
      known--;
      fd = openIn(this.#fd, joinPath(names.slice(0, known)), { flags: FOLDER, resolve: WRITE });
    }
    if (fd < 0) throw refusal(doing, new SysError("openat2", -fd, path));
    return wrap(doing, -1, () => this.#descend(fd, names.slice(known), owner));
  }

  /**
   * Puts a file at `path` in one step, in the place of a file or link that is there (a link is replaced, not followed). Its
   * folder must exist. On a failure nothing is left behind. Not synced: a power cut ends the container too.
   */
  replaceFile(path: string, bytes: Uint8Array, attributes: FileAttributes): void {
    this.#replace("replace", path, (fd, name) => replaceFileAt(fd, name, bytes, attributes));
  }

  /** As `replaceFile` for a link; nothing happens when the same link is there. The target is stored as it is. */
  replaceLink(path: string, target: string, owner: Owner): void {
    this.#replace("make the link", path, (fd, name) => {
      replaceLinkAt(fd, name, target, owner);
    });
  }

  /** Removes a file or link; false when there was none. */
  unlink(path: string): boolean {
    return this.#remove("remove", path, { flags: 0, harmless: MISSING });
  }

  /**
   * Removes an empty folder, and one with nothing in it but what a killed process of ours left; false when there is none, when it is not empty, or when something is mounted on it.
   */
  removeFolder(path: string): boolean {
    const remove = (): boolean => this.#remove("remove the folder", path, { flags: AT_REMOVEDIR, harmless: STAYS });
    return remove() || (this.removeAbandoned(path) && remove());
  }

  /** Takes out what a killed process of ours left in a folder; says whether there was something. */
  removeAbandoned(path: string): boolean {
    if (splitPath(path).length === 0) return removeAbandoned(this.#fd);
    return this.#inFolder("clear the folder", path, (fd, name) => {
      return fd >= 0 && statAt(fd, name)?.kind === "folder" && removeAbandoned(fd, name);
    });
  }

  #remove(verb: string, path: string, how: { flags: number; harmless: ReadonlySet<string> }): boolean {
    return this.#inFolder(verb, path, (fd, name) => {
      if (fd < 0 && MISSING.has(errnoName(-fd))) return false;
      const result = fd < 0 ? fd : trySyscall("unlinkat", fd, name, how.flags);
      if (result < 0 && !how.harmless.has(errnoName(-result))) throw new SysError("unlinkat", -result, path);
      return result === 0;
    });
  }

  #replace(verb: string, path: string, put: (folder: number, name: string) => void): void {
    this.#inFolder(verb, path, (fd, name) => {
      if (fd < 0) throw new SysError("openat2", -fd, path);
      put(fd, name);
    });
  }

  /** Calls `use` with the folder of `path`, opened for writing into it (or the negative errno), and the last name. */
  #inFolder<T>(verb: string, path: string, use: (folder: number, name: string) => T): T {
    const names = splitPath(path);
    const name = names.pop();
    if (name === undefined) throw refusal(this.#doing(verb, path), "it is the root itself");
    const folder = joinPath(names);
    // What is replaced or removed may be what the way to a kept folder goes through.
    this.#near.forget();
    if (this.#into.path !== folder) this.#into.forget();
    return wrap(this.#doing(verb, path), -1, () => use(this.#into.open(this.#fd, folder), name));
  }

  /** Calls `use` with the folder of `path` and the last name, or `atRoot` for "/"; undefined when the folder is not there. */
  #inNear<T>(
    verb: string,
    path: string,
    { atRoot, use }: { atRoot: () => T | undefined; use: (folder: number, name: string) => T | undefined },
  ): T | undefined {
    const names = splitPath(path);
    const name = names.pop();
    if (name === undefined) return atRoot();
    return wrap(this.#doing(verb, path), -1, () => {
      const fd = this.#near.open(this.#fd, joinPath(names));
      if (fd >= 0) return use(fd, name);
      if (MISSING.has(errnoName(-fd))) return undefined;
      throw new SysError("openat2", -fd, path);
    });
  }

  #forget(): void {
    this.#near.forget();
    this.#into.forget();
  }

  /** Calls `use` with what is at `path`; undefined when there is nothing. */
  #at<T>(verb: string, path: string, flags: number, use: (fd: number) => T): T | undefined {
    return this.#atText(verb, joinPath(splitPath(path)), flags, use);
  }

  /** As `#at`, for a path that was checked, or that the kernel may resolve with its ".." because it is only read. */
  #atText<T>(verb: string, path: string, flags: number, use: (fd: number) => T): T | undefined {
    const fd = openIn(this.#fd, path, { flags, resolve: LOOK_UP });
    if (fd < 0 && MISSING.has(errnoName(-fd))) return undefined;
    return wrap(this.#doing(verb, path), fd, () => {
      if (fd < 0) throw new SysError("openat2", -fd, path);
      return use(fd);
    });
  }

  #descend(start: number, names: readonly string[], owner: Owner | undefined): string[] {
    const made: string[] = [];
    let here = start;
    try {
      let path = names.length === 0 ? "" : this.#canonical(start);
      for (const name of names) {
        const next = enterFolderAt(here, name, owner);
        closeSync(here);
        here = next.fd;
        path = path === "/" ? `/${name}` : `${path}/${name}`;
        if (next.isNew) made.push(path);
      }
      return made;
    } catch (error) {
      for (const path of made.toReversed()) this.removeFolder(path);
      throw error;
    } finally {
      closeSync(here);
    }
  }

  /** The path inside the root of an open descriptor: procfs knows it, below that of the root's own handle. */
  #canonical(fd: number): string {
    const root = readlinkSync(`/proc/self/fd/${this.#fd}`);
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    if (path === root) return "/";
    const prefix = root === "/" ? "" : root;
    if (!path.startsWith(`${prefix}/`) || path.endsWith(" (deleted)") || path.includes("\ufffd")) {
      throw new RangeError("its place in the root file system has no readable name");
    }
    return path.slice(prefix.length);
  }

  /** One round of `resolveDeep`: the answer, or the path to go on with after a link was read. */
  #resolveStep(path: string): Place | string {
    const names = path.split("/").filter((name) => name !== "");
    for (let known = names.length; known >= 0; known--) {
      const prefix = joinPath(names.slice(0, known));
      const base = this.#atText("resolve", prefix, O_PATH, (fd) => this.#canonical(fd));
      if (base !== undefined) return this.#stepOn(base, names.slice(known));
    }
    throw refusal(this.#doing("resolve", path), "the root itself cannot be found");
  }

  /** `base` exists and is without links; the first of `rest` leads to nothing there. */
  #stepOn(base: string, rest: readonly string[]): Place | string {
    const [next, ...others] = rest;
    if (next === undefined) return { path: base, exists: true };
    const target = this.#atText("resolve", base, FOLDER, (fd) => readLinkAt(fd, next));
    if (target !== undefined) return [target.startsWith("/") ? "" : base, target, ...others].join("/");
    const plain = normalizePath([base, ...rest].join("/"));
    return others.includes("..") ? plain : { path: plain, exists: false };
  }

  #doing(verb: string, path: string): string {
    return `Cannot ${verb} "${path}" in the root file system "${this.path}"`;
  }
}

/** The handle on one folder of a root, kept until another one is asked for. */
class FolderHandle {
  readonly #resolve: number;
  #path: string | undefined;
  #fd = -1;

  constructor(resolve: number) {
    this.#resolve = resolve;
  }

  /** The folder that is kept. */
  get path(): string | undefined {
    return this.#path;
  }

  /** A descriptor of the folder `path`, which stays this object's, or the negative errno. */
  open(root: number, path: string): number {
    if (path === this.#path) return this.#fd;
    this.forget();
    const fd = openIn(root, path, { flags: FOLDER, resolve: this.#resolve });
    if (fd >= 0) {
      this.#path = path;
      this.#fd = fd;
    }
    return fd;
  }

  forget(): void {
    if (this.#path !== undefined) closeSync(this.#fd);
    this.#path = undefined;
  }
}

/** Closes `fd` (if it is one) after `action`; whatever that throws becomes a BERTH-P001 that begins with `doing`. */
function wrap<T>(doing: string, fd: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof BerthError ? error : refusal(doing, error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function noOpenat2(cause: SysError): BerthError {
  const message = `Cannot open the root file system "${cause.path}" safely: the kernel refused openat2 (${cause.code})`;
  const remedy = "use Linux 5.6 or later, and permit openat2 where a seccomp profile forbids it";
  return new BerthError({ code: "BERTH-K001", message, remedy }, { cause });
}
