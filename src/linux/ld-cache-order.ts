/** What glibc sorts a cache entry by: its name (NUL-terminated bytes at an offset), flags, and the two halves of `hwcap`. */
export interface SortKey {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly flags: number;
  readonly hwcapLow: number;
  readonly hwcapHigh: number;
  /** The name of the glibc-hwcaps subfolder, "" for an entry of an ordinary folder. */
  readonly subfolder: string;
}

/** Set in the upper half of `hwcap` when the lower half is an index of a glibc-hwcaps subfolder; ten bits are an ISA level. */
const HWCAPS_ENTRY = 0x40000000;
const ISA_LEVEL = 0x3ff;

export function isHwcapsEntry(hwcapHigh: number): boolean {
  return (hwcapHigh & ~ISA_LEVEL) >>> 0 === HWCAPS_ENTRY;
}

/**
 * Negative when `a` stands before `b` in a cache: names descending, then flags descending, then subfolders of glibc-hwcaps
 * by name before ordinary folders, then the old hardware bits, more of them first. 0: the loader takes whichever is first.
 * The rule is glibc's elf/cache.c `compare`; the loader's binary search relies on its first part.
 */
export function compareKeys(a: SortKey, b: SortKey): number {
  const byName = compareNames(b, a);
  if (byName !== 0) return byName;
  if (a.flags !== b.flags) return b.flags - a.flags;
  if (a.subfolder !== "" || b.subfolder !== "") return compareSubfolders(a.subfolder, b.subfolder);
  return compareHwcaps(a, b);
}

function compareSubfolders(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "" || b === "") return a === "" ? 1 : -1;
  return a < b ? -1 : 1;
}

function compareHwcaps(a: SortKey, b: SortKey): number {
  const byCount = countBits(b.hwcapLow) + countBits(b.hwcapHigh) - countBits(a.hwcapLow) - countBits(a.hwcapHigh);
  return byCount || b.hwcapHigh - a.hwcapHigh || b.hwcapLow - a.hwcapLow;
}

function countBits(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * Names ascending: runs of digits compare as numbers, a digit stands above any other byte, everything else by byte value
 * (dl-cache.c `_dl_cache_libcmp`). A number that does not fit in 32 bits wraps round, as it does in the loader.
 */
function compareNames(a: SortKey, b: SortKey): number {
  let i = a.offset;
  let j = b.offset;
  for (;;) {
    const x = a.bytes[i] ?? 0;
    const y = b.bytes[j] ?? 0;
    if (x === y && !isDigit(x)) {
      if (x === 0) return 0;
      i++;
      j++;
    } else if (isDigit(x) && isDigit(y)) {
      const afterX = skipDigits(a.bytes, i);
      const afterY = skipDigits(b.bytes, j);
      const difference = (readNumber(a.bytes, i, afterX) - readNumber(b.bytes, j, afterY)) | 0;
      if (difference !== 0) return difference;
      i = afterX;
      j = afterY;
    } else {
      return compareBytes(x, y);
    }
  }
}

function compareBytes(x: number, y: number): number {
  if (isDigit(x)) return 1;
  if (x !== 0 && isDigit(y)) return -1;
  return toChar(x) - toChar(y);
}

/** C's plain `char` is unsigned on arm64, signed on x86; the loader of the same machine reads the cache. */
function toChar(byte: number): number {
  return process.arch === "arm64" ? byte : (byte << 24) >> 24;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function skipDigits(bytes: Uint8Array, start: number): number {
  let end = start;
  while (isDigit(bytes[end] ?? 0)) end++;
  return end;
}

function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = (Math.imul(value, 10) + (bytes[at] ?? 0) - 0x30) | 0;
  return value;
}
