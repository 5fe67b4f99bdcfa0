import { chmodSync, constants, readlinkSync } from "node:fs";
import { BerthError } from "../base/index.ts";
import { fileSystemOf, statAt, statDescriptor, type FileStat } from "./file-stat.ts";
import { isWritable as canWrite } from "./is-writable.ts";
import { changeNodeAt, makeNodeAt, type CharDevice } from "./node-at.ts";
import { FOLDER, LOOK_UP, O_PATH, openIn } from "./open-in.ts";
import { listFolder, readLinkAt, readRegular, useRegular } from "./read-at.ts";
import { makeFolders, removeAbandoned, removeFolder, unlink } from "./root-folders.ts";
import { isReadableName, MISSING, orRefuse, RootHandle } from "./root-handle.ts";
import { joinPath, refusal, splitPath } from "./root-path.ts";
import { resolveDeep, type Place } from "./root-resolve.ts";
import { errnoName, syscall, SysError, trySyscall } from "./sys.ts";
import { replaceFileAt, replaceLinkAt, type FileAttributes, type Owner } from "./write-at.ts";

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const O_CLOEXEC = 0o2000000;
/** MOUNT_ATTR_RDONLY, and how a mount is taken off: MNT_DETACH and UMOUNT_NOFOLLOW (linux/mount.h). */
const RDONLY = 1n;
const DETACH_NOFOLLOW = 2 | 8;
const READ_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;
const UNMOUNTED: ReadonlySet<string> = new Set(["EINVAL", "ENOENT"]);

/**
 * A root file system behind a handle. Every path is absolute, as a process inside would see it; no link, no `..` and no
 * rename at the same time leads out of it, and nothing is written through a mount. Whatever its content makes impossible
 * is a BERTH-P001 whose cause is the failed call. Needs Linux 5.6 (openat2(2)) and a mounted /proc.
 */
export class Root {
  readonly #handle: RootHandle;

  private constructor(path: string, fd: number) {
    this.#handle = new RootHandle(path, fd);
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
    return orRefuse(doing, -1, () => {
      const fd = syscall(this.path, "open_tree", this.#handle.fd, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
      const layer = new Root(this.path, fd);
      // What cannot be made writable stays as it is: planning will say what has no place then.
      if (isWritable) trySyscall("mount_setattr", fd, "", AT_EMPTY_PATH, new BigUint64Array([0n, RDONLY, 0n, 0n]), 32);
      return layer;
    });
  }

  /** The folder on this machine, as it was given; only for messages. */
  get path(): string {
    return this.#handle.name;
  }

  /** Whether its mount can be written at all: a file system that is mounted read-only refuses everybody. */
  get isWritable(): boolean {
    return canWrite(`/proc/self/fd/${this.#handle.fd}`);
  }

  /** A handle on the folder at `path` as a root of its own, mounted on or not; undefined when there is none. */
  enter(path: string): Root | undefined {
    const fd = openIn(this.#handle.fd, joinPath(splitPath(path)), { flags: FOLDER, resolve: LOOK_UP });
    if (fd >= 0) return new Root(`${this.path}${path}`, fd);
    if (MISSING.has(errnoName(-fd))) return undefined;
    throw refusal(this.#handle.doing("enter", path), new SysError("openat2", -fd, path));
  }

  /** Where the folder lies in its mount namespace. Throws a RangeError when that has no readable name. */
  get place(): string {
    const path = readlinkSync(`/proc/self/fd/${this.#handle.fd}`);
    if (!isReadableName(path)) throw new RangeError("the root file system has no readable place");
    return path;
  }

  /** What kind of file system the folder is on (statfs(2), `f_type`). */
  get fileSystem(): number {
    return fileSystemOf(this.#handle.fd);
  }

  /** Calls `use` with an O_PATH descriptor of what is at `path`, links followed inside the root, mounts crossed; undefined when there is nothing. */
  usePlace<T>(path: string, use: (fd: number) => T): T | undefined {
    return this.#handle.at("look at", path, O_PATH, use);
  }

  /**
   * Takes off what is mounted last on `path`, by its folder's descriptor, which `check` may refuse; no link in the last place is followed. False when nothing is mounted there. Only
   * in the mount namespace that the root is in; leaves the working folder changed (see `MountNamespace.within`).
   */
  unmount(path: string, check: (folder: number) => void): boolean {
    this.#handle.forget();
    const done = this.#handle.nextTo("take off the mount on", path, {
      atRoot: () => undefined,
      use: (folder, name) => {
        check(folder);
        syscall(path, "fchdir", folder);
        const result = trySyscall("umount2", name, DETACH_NOFOLLOW);
        if (result < 0 && !UNMOUNTED.has(errnoName(-result))) throw new SysError("umount2", -result, path);
        return result === 0;
      },
    });
    this.#handle.forget();
    return done === true;
  }

  /** Gives what is at `path` other permission bits, links followed inside the root, mounts crossed; nothing happens when there is nothing. */
  changeMode(path: string, mode: number): void {
    this.#handle.at("change the mode of", path, O_PATH, (fd) => {
      if (statDescriptor(fd).mode !== mode) chmodSync(`/proc/self/fd/${fd}`, mode);
    });
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What is at `path`, links followed inside the root; undefined when there is nothing. */
  stat(path: string): FileStat | undefined {
    return this.#handle.at("look at", path, O_PATH, statDescriptor);
  }

  /** As `stat`, but a link in the last place is not followed. */
  lstat(path: string): FileStat | undefined {
    return this.#handle.nextTo("look at", path, { atRoot: () => statDescriptor(this.#handle.fd), use: statAt });
  }

  /** The bytes of a regular file, links followed inside the root; undefined when there is nothing. At most `maxBytes`. */
  readFile(path: string, maxBytes: number): Uint8Array | undefined {
    return this.#handle.at("read", path, O_PATH, (fd) => readRegular(fd, maxBytes, this.#handle.doing("read", path)));
  }

  /** Calls `use` with a readable descriptor of a regular file, links followed inside the root; undefined when there is nothing. */
  useFile<T>(path: string, use: (fd: number) => T): T | undefined {
    return this.#handle.at("read", path, O_PATH, (place) => useRegular(place, this.#handle.doing("read", path), use));
  }

  /** What the link at `path` says, unchecked; undefined when there is no link. */
  readLink(path: string): string | undefined {
    return this.#handle.nextTo("read the link", path, { atRoot: () => undefined, use: readLinkAt });
  }

  /** The names in the folder `path`, in no special order; undefined when there is no folder. At most `maxEntries`. */
  list(path: string, maxEntries: number): string[] | undefined {
    return this.#handle.at("list", path, READ_FOLDER, (fd) => listFolder(fd, maxEntries));
  }

  /** Where `path` leads: the path without links. Undefined when there is nothing. */
  resolve(path: string): string | undefined {
    return this.#handle.at("resolve", path, O_PATH, (fd) => this.#handle.pathOf(fd));
  }

  /**
   * As `resolve`, also for what does not exist: links are followed as far as there are any, dangling ones too, and the rest
   * of the path stands behind. For planning: what is done afterwards looks the path up again.
   */
  resolveDeep(path: string): Place {
    return resolveDeep(this.#handle, path);
  }

  /**
   * Makes the folder `path` and those above it that are missing, 0755. Returns those it made, outermost first, as paths
   * without links. A dangling link on the way is refused; on a failure those it made are gone again.
   */
  makeFolders(path: string, owner?: Owner): string[] {
    return makeFolders(this.#handle, path, owner);
  }

  /**
   * Puts a file at `path` in one step, in the place of a file or link that is there (a link is replaced, not followed). Its
   * folder must exist. On a failure nothing is left behind. Not synced: a power cut ends the container too.
   */
  replaceFile(path: string, bytes: Uint8Array, attributes: FileAttributes): void {
    this.#handle.intoExisting("replace", path, (fd, name) => {
      replaceFileAt(fd, name, bytes, attributes);
    });
  }

  /** As `replaceFile` for a link; nothing happens when the same link is there. The target is stored as it is. */
  replaceLink(path: string, target: string, owner: Owner): void {
    this.#handle.intoExisting("make the link", path, (fd, name) => {
      replaceLinkAt(fd, name, target, owner);
    });
  }

  /** Makes a character device with its owner and mode in one step; false: something is at `path` already, and stays. Its folder must exist. */
  makeNode(path: string, device: CharDevice): boolean {
    return this.#handle.intoExisting("make the device node", path, (fd, name) => makeNodeAt(fd, name, device));
  }

  /** Gives the character device at `path` its owner and mode; false: it is not that device. No link in the last place is followed. */
  changeNode(path: string, device: CharDevice): boolean {
    return this.#handle.intoExisting("change the device node", path, (fd, name) => changeNodeAt(fd, name, device));
  }

  /** Removes a file or link; false when there was none. */
  unlink(path: string): boolean {
    return unlink(this.#handle, path);
  }

  /**
   * Removes an empty folder, and one with nothing in it but what a killed process of ours left; false when there is none, when it is not empty, or when something is mounted on it.
   */
  removeFolder(path: string): boolean {
    return removeFolder(this.#handle, path);
  }

  /** Takes out what a killed process of ours left in a folder; says whether there was something. */
  removeAbandoned(path: string): boolean {
    return removeAbandoned(this.#handle, path);
  }
}

function noOpenat2(cause: SysError): BerthError {
  const message = `Cannot open the root file system "${cause.path}" safely: the kernel refused openat2 (${cause.code})`;
  const remedy = "use Linux 5.6 or later, and permit openat2 where a seccomp profile forbids it";
  return new BerthError({ code: "BERTH-K001", message, remedy }, { cause });
}
