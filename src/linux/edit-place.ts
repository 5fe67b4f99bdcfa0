import { closeSync, constants, fsyncSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { cannotChange, notChanged } from "./edit-fault.ts";
import { statAt, statDescriptor, type FileStat } from "./file-stat.ts";
import { FOLDER, openIn } from "./open-in.ts";
import { readLinkAt } from "./read-at.ts";
import { SysError } from "./sys.ts";
import { isOpenBeyondRoot, isOwnerTrusted } from "./trust.ts";
import { enterFolderAt } from "./write-at.ts";

const AT_FDCWD = -100;
/** One name directly in the handle, a mount or not, and no link (openat2(2)). */
export const ANY_NAME = 0x08 | 0x04 | 0x02;
const MAX_LINKS = 40;
const STICKY = 0o1000;

/** Where a file is after all links, by the handle of its folder. */
export interface EditPlace extends Disposable {
  /** For every use of the folder; readable. */
  readonly folder: number;
  /** Of the folder and of the file, on this machine. */
  readonly folderPath: string;
  readonly path: string;
  readonly name: string;
  readonly found: FileStat | undefined;
}

export interface PlaceOptions {
  /** The folder that is "/" for the path and its links. */
  readonly root: string;
  readonly isMaking: boolean;
}

interface Step {
  readonly fd: number;
  readonly path: string;
}

/**
 * The place that `path` leads to, link by link and without ever leaving the root. Undefined: a folder on the way is not
 * there, and none was to be made. Throws T004 for a way on which others than root and this user may put something else,
 * for a link that leads nowhere, and for a folder in the file's place.
 */
export function openPlace(path: string, options: PlaceOptions): EditPlace | undefined {
  const top = openIn(AT_FDCWD, options.root, { flags: FOLDER, resolve: 0 });
  if (top < 0) throw cannotChange(join(options.root, path), new SysError("openat2", -top, options.root));
  const walk = new Walk({ fd: top, path: options.root }, path);
  try {
    if (options.root === "/") walk.checkFolder(statDescriptor(top), "/");
    return walk.go(options.isMaking);
  } finally {
    walk.close();
  }
}

class Walk {
  readonly #way: Step[];
  readonly #asked: string;
  #rest: string[];
  #links = 0;
  /** How many names come after those that the last link said. */
  #behindLink = Infinity;

  constructor(top: Step, path: string) {
    this.#way = [top];
    this.#asked = join(top.path, path);
    this.#rest = namesOf(path);
  }

  go(isMaking: boolean): EditPlace | undefined {
    for (let name = this.#rest.shift(); name !== undefined; name = this.#rest.shift()) {
      const here = this.#here();
      if (name === "..") {
        if (this.#way.length > 1) closeSync(this.#way.pop()?.fd ?? -1);
        continue;
      }
      const found = statAt(here.fd, name);
      if (found?.kind === "link") this.#follow(here, name, found);
      else if (this.#rest.length === 0) return this.#arrive(here, name, found);
      else if (found === undefined && !isMaking) return this.#isByLink(join(here.path, name));
      else this.#enter(here, name, found);
    }
    throw notChanged(this.#asked, "it is a folder", "name a file");
  }

  close(): void {
    for (const { fd } of this.#way) closeSync(fd);
  }

  checkFolder({ uid, gid, mode }: FileStat, path: string): void {
    if (!isOwnerTrusted({ uid })) throw this.#unsafe(`"${path}" belongs to user ${uid}`, `chown root '${path}'`);
    if (!isOpenBeyondRoot({ gid, mode }) || (mode & STICKY) !== 0) return;
    throw this.#unsafe(`others may write to the folder "${path}"`, `chmod go-w '${path}'`);
  }

  #here(): Step {
    const here = this.#way.at(-1);
    if (here === undefined) throw new RangeError("No folder");
    return here;
  }

  #follow(here: Step, name: string, { uid }: FileStat): void {
    const path = join(here.path, name);
    if (!isOwnerTrusted({ uid }))
      throw this.#unsafe(`the link "${path}" belongs to user ${uid}`, `chown -h root '${path}'`);
    if (++this.#links > MAX_LINKS)
      throw notChanged(this.#asked, "its links lead in a circle", `mend the link '${path}'`);
    const target = readLinkAt(here.fd, name);
    if (target === undefined) throw new SysError("readlinkat", 2, path);
    if (target.startsWith("/")) while (this.#way.length > 1) closeSync(this.#way.pop()?.fd ?? -1);
    this.#behindLink = this.#rest.length;
    this.#rest = [...namesOf(target), ...this.#rest];
  }

  #enter(here: Step, name: string, found: FileStat | undefined): void {
    const path = join(here.path, name);
    if (found === undefined) {
      this.#isByLink(path);
      this.#way.push({ fd: enterFolderAt(here.fd, name, undefined).fd, path });
      syncFolder(here.path, here.fd);
      return;
    }
    const fd = openIn(here.fd, name, { flags: FOLDER, resolve: ANY_NAME });
    if (fd < 0) throw new SysError("openat2", -fd, path);
    this.#way.push({ fd, path });
    this.checkFolder(statDescriptor(fd), path);
  }

  #arrive(here: Step, name: string, found: FileStat | undefined): EditPlace {
    const path = join(here.path, name);
    if (found === undefined) this.#isByLink(path);
    if (found?.kind === "folder") throw notChanged(path, "it is a folder", "name a file");
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    const folder = openIn(here.fd, ".", { flags, resolve: 0 });
    if (folder < 0) throw new SysError("openat2", -folder, here.path);
    return { folder, folderPath: here.path, path, name, found, [Symbol.dispose]: () => closeSync(folder) };
  }

  /** Whoever made a link that leads nowhere meant something that was there. */
  #isByLink(path: string): undefined {
    if (this.#rest.length < this.#behindLink) return undefined;
    throw notChanged(
      this.#asked,
      `a link leads to "${path}", which does not exist`,
      `mend the link, or make '${path}'`,
    );
  }

  #unsafe(why: string, remedy: string) {
    return notChanged(this.#asked, why, remedy);
  }
}

/** Makes what was done in a folder last. A file system that cannot (EINVAL) has nothing to sync. */
export function syncFolder(path: string, folder: number): void {
  const fd = openIn(folder, ".", { flags: constants.O_RDONLY | constants.O_DIRECTORY, resolve: 0 });
  if (fd < 0) throw new SysError("openat2", -fd, path);
  try {
    fsyncSync(fd);
  } catch (error) {
    if (errnoCode(error) !== "EINVAL") throw error;
  } finally {
    closeSync(fd);
  }
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
