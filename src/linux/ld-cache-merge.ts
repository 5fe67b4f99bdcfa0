import { ENTRY_WORDS, HEADER_WORDS, keyOf, openCacheFile, type CacheFile } from "./ld-cache-file.ts";
import { compareKeys, isHwcapsEntry } from "./ld-cache-order.ts";
import { encodeCache, type Addition } from "./ld-cache-write.ts";
import type { CacheChange, CacheEntry, LoaderCache } from "./ld-cache.ts";

/**
 * An ld.so.cache without the entries of `removePaths` and with those of `add`, each where the loader looks for it and before
 * those of the same name, flags and hardware that were there. Everything else keeps its order, subfolders and the generator too.
 * An entry that is there already is not doubled. `existing` is not trusted: what cannot be read counts as no entries.
 */
export function mergeLoaderCache(
  existing: Uint8Array | undefined,
  change: CacheChange,
): { readonly bytes: Uint8Array; readonly wasUnreadable: boolean } {
  const file = existing && openCacheFile(existing);
  const wasUnreadable = existing !== undefined && file === undefined;
  const add = sortAdditions(change.add, []);
  if (file === undefined) {
    return { bytes: encodeCache({ kept: undefined, add, subfolders: [], generator: undefined }), wasUnreadable };
  }
  const removed = new Set<number>();
  markPaths(file, change.removePaths, removed);
  const placed = placeAll(file, add, removed);
  const bytes = encodeCache({ kept: { file, removed }, add: placed, subfolders: [], generator: file.generator });
  return { bytes, wasUnreadable };
}

/** An ld.so.cache with these entries, sorted as the loader needs them; equal ones keep the order they are given in. */
export function formatLoaderCache(
  entries: readonly CacheEntry[],
  extras: Partial<Pick<LoaderCache, "subfolders" | "generator">> = {},
): Uint8Array {
  const subfolders = extras.subfolders ?? [];
  const generator = extras.generator === undefined ? undefined : Buffer.from(extras.generator);
  return encodeCache({ kept: undefined, add: sortAdditions(entries, subfolders), subfolders, generator });
}

function sortAdditions(entries: readonly CacheEntry[], subfolders: readonly string[]): Addition[] {
  return entries.map((entry) => toAddition(entry, subfolders)).toSorted((a, b) => compareKeys(a.key, b.key));
}

function toAddition(entry: CacheEntry, subfolders: readonly string[]): Addition {
  if (`${entry.soname}${entry.path}`.includes("\0")) throw new TypeError("A loader cache entry holds a NUL");
  const hwcapLow = Number(entry.hwcap & 0xffffffffn);
  const hwcapHigh = Number(entry.hwcap >> 32n);
  const subfolder = isHwcapsEntry(hwcapHigh) ? (subfolders[hwcapLow] ?? "?") : "";
  const name = Buffer.from(`${entry.soname}\0`);
  return {
    key: { bytes: name, offset: 0, flags: entry.flags, hwcapLow, hwcapHigh, subfolder },
    path: Buffer.from(`${entry.path}\0`),
    osVersion: entry.osVersion,
    before: 0,
  };
}

/** Marks the entries whose path is one of `paths`. Most are told apart by the length alone. */
function markPaths(file: CacheFile, paths: ReadonlySet<string>, removed: Set<number>): void {
  const lengths = new Set<number>();
  for (const path of paths) lengths.add(Buffer.byteLength(path));
  for (let index = 0; index < file.count && lengths.size > 0; index++) {
    const start = pathOffset(file, index);
    const end = file.bytes.indexOf(0, start);
    if (lengths.has(end - start) && paths.has(file.bytes.toString("utf8", start, end))) removed.add(index);
  }
}

/**
 * Puts each addition before the first entry that is not ahead of it, and marks the entries that are the same. One that is there in this very place stays, removed or not: its
 * strings would otherwise be written once more with each merge, where others come behind them.
 */
function placeAll(file: CacheFile, add: readonly Addition[], removed: Set<number>): Addition[] {
  let before = 0;
  return add.flatMap((each) => {
    before = findPlace(file, each, before);
    const same = findSame(file, { ...each, before }, removed);
    before = same === undefined ? before : same + 1;
    const one = { ...each, before };
    markSame(file, one, removed);
    if (same === undefined) return [one];
    removed.delete(same);
    return [];
  });
}

/** The entry that is the same, if all of its name before it go. */
function findSame(file: CacheFile, one: Addition, removed: ReadonlySet<number>): number | undefined {
  const end = Math.min(file.count, one.before + MAX_SAME);
  for (let index = one.before; index < end && compareKeys(keyOf(file, index), one.key) === 0; index++) {
    const osVersion = file.words[HEADER_WORDS + index * ENTRY_WORDS + 3];
    if (osVersion === one.osVersion && hasPath(file, one, index)) return index;
    if (!removed.has(index)) return undefined;
  }
  return undefined;
}

/**
 * The first entry from `start` on that is not ahead of `one`. Looks near `start` first, as a driver's libraries have much
 * the same names. The order of a hostile cache may be wrong: no matter.
 */
function findPlace(file: CacheFile, one: Addition, start: number): number {
  const isAhead = (index: number): boolean => compareKeys(keyOf(file, index), one.key) < 0;
  let low = start;
  let step = 1;
  while (low + step <= file.count && isAhead(low + step - 1)) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step - 1, file.count);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAhead(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** So many libraries of one name are looked at: more are nonsense. */
const MAX_SAME = 256;

function markSame(file: CacheFile, one: Addition, removed: Set<number>): void {
  const end = Math.min(file.count, one.before + MAX_SAME);
  for (let index = one.before; index < end && compareKeys(keyOf(file, index), one.key) === 0; index++) {
    if (hasPath(file, one, index)) removed.add(index);
  }
}

function hasPath(file: CacheFile, { path }: Addition, index: number): boolean {
  const start = pathOffset(file, index);
  return path.equals(file.bytes.subarray(start, start + path.length));
}

function pathOffset(file: CacheFile, index: number): number {
  return file.words[HEADER_WORDS + index * ENTRY_WORDS + 2] ?? 0;
}
