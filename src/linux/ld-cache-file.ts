import { readExtension } from "./ld-cache-extension.ts";
import { isHwcapsEntry, type SortKey } from "./ld-cache-order.ts";

/*
 * The file (glibc sysdeps/generic/dl-cache.h), little-endian: header of 48 bytes: magic and version (20), count, length of
 * the strings, flags (1) and padding (3), offset of the extensions, 12 unused; entries of 24 bytes: flags, key, value,
 * osversion, hwcap (8); strings; extensions.
 */
export const MAGIC = "glibc-ld.so.cache1.1";
export const HEADER_WORDS = 12;
export const ENTRY_WORDS = 6;
export const LITTLE_ENDIAN = 2;
const OLD_MAGIC = "ld.so-1.7.0";
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_STRING_BYTES = 4096;

/** A cache that was found sound: every offset in it leads to a string that ends inside it. */
export interface CacheFile {
  /** From the header of the new format on; offsets count from here. */
  readonly bytes: Buffer;
  /** The same memory as 32-bit words. */
  readonly words: Uint32Array;
  readonly count: number;
  /** Where the strings begin. */
  readonly stringsStart: number;
  /** Where the last string begins that an entry uses; -1 without entries. */
  readonly lastUsed: number;
  /** Offsets of the names of glibc-hwcaps subfolders. */
  readonly subfolders: readonly number[];
  readonly generator: Buffer | undefined;
}

/**
 * Checks a loader cache of the new format, also behind one of the old format. Undefined when it is none, when a count or
 * offset leads out of it, when a string is longer than a path can be, or when it is larger than 16 MiB.
 */
export function openCacheFile(input: Uint8Array): CacheFile | undefined {
  const start = findStart(Buffer.from(input.buffer, input.byteOffset, input.length));
  if (start === undefined || input.length > MAX_BYTES) return undefined;
  const bytes = alignedCopy(input, start);
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >>> 2);
  const count = words[5] ?? 0;
  const strings = findStrings(bytes, words, count);
  const extension = readExtension(words, bytes.length, start);
  const lastUsed = strings && findLastUsed(words, count, strings);
  if (strings === undefined || extension === undefined || lastUsed === undefined) return undefined;
  const { subfolders, generator } = extension;
  const areInside = subfolders.every((at) => at >= strings.start && at <= strings.last);
  if (!areInside || !hasShortStrings(bytes, strings)) return undefined;
  return {
    bytes,
    words,
    count,
    stringsStart: strings.start,
    lastUsed,
    subfolders,
    generator: generator && bytes.subarray(generator.start, generator.end),
  };
}

/** The key by which entry `index` is sorted. */
export function keyOf(file: CacheFile, index: number): SortKey {
  const { bytes, words } = file;
  const at = HEADER_WORDS + index * ENTRY_WORDS;
  const hwcapLow = words[at + 4] ?? 0;
  const hwcapHigh = words[at + 5] ?? 0;
  const subfolder = isHwcapsEntry(hwcapHigh) ? subfolderName(file, hwcapLow) : "";
  return { bytes, offset: words[at + 1] ?? 0, flags: (words[at] ?? 0) | 0, hwcapLow, hwcapHigh, subfolder };
}

function subfolderName(file: CacheFile, index: number): string {
  const at = file.subfolders[index];
  return at === undefined ? "?" : readString(file.bytes, at);
}

/** The text from an offset to its NUL. */
export function readString(bytes: Buffer, offset: number): string {
  return bytes.toString("utf8", offset, bytes.indexOf(0, offset));
}

/** The old format: its magic, a count at 12, entries of 12 bytes, then the new one on a multiple of 8 (on i386, of 4). */
function findStart(bytes: Buffer): number | undefined {
  const headerBytes = HEADER_WORDS * 4;
  if (bytes.length < headerBytes) return undefined;
  if (!hasText(bytes, OLD_MAGIC, 0)) return hasText(bytes, MAGIC, 0) ? 0 : undefined;
  const after = 16 + bytes.readUInt32LE(12) * 12;
  return [Math.ceil(after / 8) * 8, after].find((at) => at + headerBytes <= bytes.length && hasText(bytes, MAGIC, at));
}

function hasText(bytes: Buffer, text: string, at: number): boolean {
  return bytes.toString("latin1", at, at + text.length) === text;
}

/** A copy in memory of its own, so that words can be read from it and no one else changes it. */
function alignedCopy(input: Uint8Array, start: number): Buffer {
  const copy = new Uint8Array(input.length - start);
  copy.set(start === 0 ? input : input.subarray(start));
  return Buffer.from(copy.buffer);
}

interface Strings {
  readonly start: number;
  /** Where the last NUL is: what begins at or before it ends there at the latest. */
  readonly last: number;
}

function findStrings(bytes: Buffer, words: Uint32Array, count: number): Strings | undefined {
  const start = (HEADER_WORDS + count * ENTRY_WORDS) * 4;
  const end = start + (words[6] ?? 0);
  const endian = (words[7] ?? 0) & 3;
  if (end > bytes.length || (endian !== 0 && endian !== LITTLE_ENDIAN)) return undefined;
  return { start, last: end === start ? -1 : bytes.lastIndexOf(0, end - 1) };
}

/** Whether no string is longer than a path can be: comparing thousands of endless names would take for ever. */
function hasShortStrings(bytes: Buffer, { start, last }: Strings): boolean {
  for (let at = start; at + MAX_STRING_BYTES < last;) {
    const end = bytes.lastIndexOf(0, at + MAX_STRING_BYTES);
    if (end < at) return false;
    at = end + 1;
  }
  return true;
}

/** The offset of the last string that an entry uses, -1 without entries; undefined when one leads out of the strings. */
function findLastUsed(words: Uint32Array, count: number, { start, last }: Strings): number | undefined {
  const end = HEADER_WORDS + count * ENTRY_WORDS;
  let used = -1;
  for (let at = HEADER_WORDS; at < end; at += ENTRY_WORDS) {
    const key = words[at + 1] ?? 0;
    const path = words[at + 2] ?? 0;
    if (key < start || key > last || path < start || path > last) return undefined;
    if (key > used) used = key;
    if (path > used) used = path;
  }
  return used;
}
