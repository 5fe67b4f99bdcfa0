import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
  type Stats,
} from "node:fs";
import { errnoCode } from "../base/index.ts";
import { onMachine, resolveInRoot } from "../host/index.ts";
import { readBounded } from "../linux/index.ts";

const MAX_BYTES = 1024 * 1024;
const NOT_THERE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ENODEV", "EINVAL"]);

/** The files of a root as checks read them. Links stay inside the root; nothing there, or nothing readable, is undefined. */
export interface Files {
  /** Where a path lies on this machine, for messages. */
  readonly place: (path: string) => string;
  readonly text: (path: string) => string | undefined;
  readonly bytes: (path: string, maxBytes?: number) => Uint8Array | undefined;
  /** The last lines of a log, as many as there are in `maxBytes`. */
  readonly lastLines: (path: string, maxBytes: number) => readonly string[];
  /** The names in a folder, sorted; none where there is no folder. */
  readonly list: (path: string) => readonly string[];
  /** What is there, links followed. */
  readonly stat: (path: string) => Stats | undefined;
  readonly lstat: (path: string) => Stats | undefined;
  /** What the link at a path says. */
  readonly link: (path: string) => string | undefined;
}

/** The files below `root`. */
export function openFiles(root: string): Files {
  // Under "/" the kernel follows links by itself.
  const locate = (path: string): string | undefined => {
    if (root === "/") return path;
    const real = attempt(() => resolveInRoot(root, path));
    return real === undefined ? undefined : onMachine(root, real);
  };
  const look = <T>(path: string, use: (place: string) => T): T | undefined => {
    const place = locate(path);
    return place === undefined ? undefined : attempt(() => use(place));
  };
  const beside = <T>(path: string, use: (place: string) => T): T | undefined => {
    const slash = path.lastIndexOf("/");
    return look(path.slice(0, slash) || "/", (folder) => use(`${folder === "/" ? "" : folder}${path.slice(slash)}`));
  };
  const bytes = (path: string, maxBytes = MAX_BYTES): Uint8Array | undefined =>
    look(path, (place) => readBounded(place, maxBytes));
  return {
    place: (path) => onMachine(root, path),
    text: (path) => {
      const read = bytes(path);
      return read === undefined ? undefined : new TextDecoder().decode(read);
    },
    bytes,
    lastLines: (path, maxBytes) => look(path, (place) => readEnd(place, maxBytes)) ?? [],
    list: (path) => look(path, (place) => readdirSync(place).toSorted()) ?? [],
    stat: (path) => look(path, (place) => statSync(place)),
    lstat: (path) => beside(path, (place) => lstatSync(place)),
    link: (path) => beside(path, (place) => readlinkSync(place)),
  };
}

/** The first line of what is read may be a part of one. */
function readEnd(place: string, maxBytes: number): readonly string[] {
  const fd = openSync(place, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, read).split("\n");
  } finally {
    closeSync(fd);
  }
}

/** What cannot be looked at by this user counts as not there: each check says what it could not see. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    const code = errnoCode(thrown) ?? "";
    if (NOT_THERE.has(code) || code === "EACCES" || code === "EPERM") return undefined;
    throw thrown;
  }
}
