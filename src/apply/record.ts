import { isConfPath, isPlainPath, linkDestination } from "./paths.ts";

/**
 * What berth put into a container's layer, so that the next start can take it out. All paths are resolved, inside the
 * container's root.
 */
export interface LayerRecord {
  /** Target by path. */
  readonly links: ReadonlyMap<string, string>;
  /** Empty files that the low-level runtime makes to mount on. */
  readonly stubs: ReadonlySet<string>;
  /** Folders that were not there. */
  readonly folders: ReadonlySet<string>;
  /** Files named by entries of the loader cache. */
  readonly cachePaths: ReadonlySet<string>;
  /** Files that were not there: /etc/ld.so.conf, /etc/ld-musl-x86_64.path. */
  readonly made: ReadonlySet<string>;
  /** Folders added to /etc/ld-musl-*.path. */
  readonly muslFolders: ReadonlySet<string>;
}

/** The one file with the record as comments, and the library folders as lines that ldconfig reads. */
export const RECORD_PATH = "/etc/ld.so.conf.d/00-berth.conf";
export const MAX_RECORD_BYTES = 512 * 1024;
const MAX_RECORD_LINES = 8192;
const FIRST_LINE =
  "# berth 1: what berth put into this layer; the next start of the container takes out what is no longer wanted";

export const EMPTY_RECORD: LayerRecord = {
  links: new Map(),
  stubs: new Set(),
  folders: new Set(),
  cachePaths: new Set(),
  made: new Set(),
  muslFolders: new Set(),
};

/** The record's file. `confFolders` become plain lines, those that cannot stand on a line are left out. */
export function formatRecord(record: LayerRecord, confFolders: readonly string[]): string {
  const lines = [FIRST_LINE];
  for (const folder of sorted(record.folders)) lines.push(`# folder\t${folder}`);
  for (const path of sorted(record.stubs)) lines.push(`# stub\t${path}`);
  for (const path of sorted(record.links.keys())) lines.push(`# link\t${path}\t${record.links.get(path)}`);
  for (const path of sorted(record.cachePaths)) lines.push(`# cache\t${path}`);
  for (const path of sorted(record.made)) lines.push(`# made\t${path}`);
  for (const folder of sorted(record.muslFolders)) lines.push(`# musl\t${folder}`);
  return `${[...lines, ...confFolders.filter(isConfPath)].join("\n")}\n`;
}

/** Reads a record. The image may have made it up: one line that berth would not write, and it is no record at all. */
export function parseRecord(bytes: Uint8Array): LayerRecord | undefined {
  if (bytes.length > MAX_RECORD_BYTES) return undefined;
  const [first, ...lines] = Buffer.from(bytes).toString("utf8").split("\n");
  if (first !== FIRST_LINE || lines.length > MAX_RECORD_LINES) return undefined;
  const record = newRecord();
  const isRead = lines
    .filter((line) => line.startsWith("#"))
    .every((line) => readLine(line.slice(2).split("\t"), record));
  return isRead ? record : undefined;
}

/** Everything of both, for the time in which an old record is being cleaned up. */
export function joinRecords(old: LayerRecord, wanted: LayerRecord): LayerRecord {
  return {
    links: new Map([...old.links, ...wanted.links]),
    stubs: union(old.stubs, wanted.stubs),
    folders: union(old.folders, wanted.folders),
    cachePaths: union(old.cachePaths, wanted.cachePaths),
    made: union(old.made, wanted.made),
    muslFolders: union(old.muslFolders, wanted.muslFolders),
  };
}

/** Every path of a record that a loader cache may name. */
export function cachedPaths(record: LayerRecord): ReadonlySet<string> {
  return new Set([...record.cachePaths, ...record.stubs, ...record.links.keys()]);
}

function newRecord() {
  return {
    links: new Map<string, string>(),
    stubs: new Set<string>(),
    folders: new Set<string>(),
    cachePaths: new Set<string>(),
    made: new Set<string>(),
    muslFolders: new Set<string>(),
  };
}

function readLine(
  [what, path = "", target, ...rest]: readonly string[],
  record: ReturnType<typeof newRecord>,
): boolean {
  if (!isPlainPath(path) || rest.length > 0) return false;
  if (what === "link" && target !== undefined && isPlainPath(linkDestination(path, target))) {
    record.links.set(path, target);
    return true;
  }
  const set = setOf(what, record);
  if (set === undefined || target !== undefined) return false;
  set.add(path);
  return true;
}

function setOf(what: string | undefined, record: ReturnType<typeof newRecord>): Set<string> | undefined {
  if (what === "folder") return record.folders;
  if (what === "stub") return record.stubs;
  if (what === "cache") return record.cachePaths;
  if (what === "made") return record.made;
  return what === "musl" ? record.muslFolders : undefined;
}

function union<T>(left: ReadonlySet<T>, right: ReadonlySet<T>): Set<T> {
  return new Set([...left, ...right]);
}

function sorted(values: Iterable<string>): string[] {
  return [...values].toSorted();
}
