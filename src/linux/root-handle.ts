import { closeSync, readlinkSync } from "node:fs";
import { BerthError } from "../base/index.ts";
import { FolderHandle } from "./folder-handle.ts";
import { LOOK_UP, openIn, WRITE } from "./open-in.ts";
import { joinPath, refusal, splitPath } from "./root-path.ts";
import { errnoName, SysError } from "./sys.ts";

/** What the kernel answers where there is nothing. */
export const MISSING: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR"]);

/** What happens to the last name of a path: `use` with its folder's descriptor, `atRoot` for "/". */
export interface InFolder<T> {
  readonly atRoot: () => T | undefined;
  readonly use: (folder: number, name: string) => T | undefined;
}

/**
 * The descriptor of a root file system, and the lookups from it that everything in `Root` is made of. Each calls `use`
 * with a descriptor that is closed, or given to the next call, afterwards; whatever fails is a BERTH-P001 that begins
 * with what was being done.
 */
export class RootHandle {
  /** What messages call the root. */
  readonly name: string;
  readonly fd: number;
  /** The folders that were looked into and written into last: most calls are about neighbours of the one before. */
  readonly #near = new FolderHandle(LOOK_UP);
  readonly #into = new FolderHandle(WRITE);

  constructor(name: string, fd: number) {
    this.name = name;
    this.fd = fd;
  }

  close(): void {
    this.forget();
    closeSync(this.fd);
  }

  /** Lets go of the folders that are kept open: after this each is looked up again. */
  forget(): void {
    this.#near.forget();
    this.#into.forget();
  }

  /** `Cannot <verb> "<path>" in the root file system "…"`: how a message begins. */
  doing(verb: string, path: string): string {
    return `Cannot ${verb} "${path}" in the root file system "${this.name}"`;
  }

  /** Calls `use` with what is at `path`, opened with `flags`; undefined when there is nothing. */
  at<T>(verb: string, path: string, flags: number, use: (fd: number) => T): T | undefined {
    return this.atText(verb, joinPath(splitPath(path)), flags, use);
  }

  /** As `at`, for a path that was checked, or that the kernel may resolve with its ".." because it is only read. */
  atText<T>(verb: string, path: string, flags: number, use: (fd: number) => T): T | undefined {
    const fd = openIn(this.fd, path, { flags, resolve: LOOK_UP });
    if (fd < 0 && MISSING.has(errnoName(-fd))) return undefined;
    return orRefuse(this.doing(verb, path), fd, () => {
      if (fd < 0) throw new SysError("openat2", -fd, path);
      return use(fd);
    });
  }

  /** Looks at the last name of `path` in its folder; undefined when the folder is not there. */
  nextTo<T>(verb: string, path: string, { atRoot, use }: InFolder<T>): T | undefined {
    const names = splitPath(path);
    const name = names.pop();
    if (name === undefined) return atRoot();
    return orRefuse(this.doing(verb, path), -1, () => {
      const fd = this.#near.open(this.fd, joinPath(names));
      if (fd >= 0) return use(fd, name);
      if (MISSING.has(errnoName(-fd))) return undefined;
      throw new SysError("openat2", -fd, path);
    });
  }

  /** Calls `use` with the folder of `path`, opened for writing into it (or the negative errno), and the last name. */
  intoFolder<T>(verb: string, path: string, use: (folder: number, name: string) => T): T {
    const names = splitPath(path);
    const name = names.pop();
    if (name === undefined) throw refusal(this.doing(verb, path), "it is the root itself");
    const folder = joinPath(names);
    // What is replaced or removed may be what the way to a kept folder goes through.
    this.#near.forget();
    if (this.#into.path !== folder) this.#into.forget();
    return orRefuse(this.doing(verb, path), -1, () => use(this.#into.open(this.fd, folder), name));
  }

  /** As `intoFolder`, where the folder has to exist. */
  intoExisting<T>(verb: string, path: string, use: (folder: number, name: string) => T): T {
    return this.intoFolder(verb, path, (fd, name) => {
      if (fd < 0) throw new SysError("openat2", -fd, path);
      return use(fd, name);
    });
  }

  /**
   * The path inside the root of an open descriptor: procfs knows it, below that of the root's own handle. Throws a
   * RangeError when it has no readable name.
   */
  pathOf(fd: number): string {
    const root = readlinkSync(`/proc/self/fd/${this.fd}`);
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    if (path === root) return "/";
    const prefix = root === "/" ? "" : root;
    if (!path.startsWith(`${prefix}/`) || !isReadableName(path)) {
      throw new RangeError("its place in the root file system has no readable name");
    }
    return path.slice(prefix.length);
  }
}

/** Whether procfs's name of an open file is its path: the file is not removed, and its name is UTF-8. */
export function isReadableName(path: string): boolean {
  return path.startsWith("/") && !path.endsWith(" (deleted)") && !path.includes("\ufffd");
}

/** Closes `fd` (if it is one) after `action`; whatever that throws becomes a BERTH-P001 that begins with `doing`. */
export function orRefuse<T>(doing: string, fd: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof BerthError ? error : refusal(doing, error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
