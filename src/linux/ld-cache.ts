import { ENTRY_WORDS, HEADER_WORDS, openCacheFile, readString, type CacheFile } from "./ld-cache-file.ts";

/** Strings may share bytes: thousands of entries could make a large text of a small file. */
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** One line of `ldconfig -p`: the loader finds `path` when it looks for `soname`. */
export interface CacheEntry {
  readonly soname: string;
  readonly path: string;
  /** What `loaderFlags` gives. */
  readonly flags: number;
  readonly osVersion: number;
  /** 0n in an ordinary folder; in a glibc-hwcaps subfolder bit 62, the ISA level, and an index of `LoaderCache.subfolders`. */
  readonly hwcap: bigint;
}

export interface LoaderCache {
  readonly entries: readonly CacheEntry[];
  /** Names of glibc-hwcaps subfolders ("x86-64-v3"). */
  readonly subfolders: readonly string[];
  /** The program that wrote it. */
  readonly generator: string | undefined;
}

export interface CacheChange {
  readonly add: readonly CacheEntry[];
  readonly removePaths: ReadonlySet<string>;
}

/** The flags of a glibc library: ELF for libc6, and the architecture (sysdeps/generic/ldconfig.h). */
export function loaderFlags(architecture: "x86-64" | "i386" | "aarch64"): number {
  return { "x86-64": 0x0303, i386: 0x0003, aarch64: 0x0a03 }[architecture];
}

/** Reads an ld.so.cache in the new format, also one that is behind the old format; undefined for anything else. */
export function parseLoaderCache(bytes: Uint8Array): LoaderCache | undefined {
  const file = openCacheFile(bytes);
  if (file === undefined) return undefined;
  const entries: CacheEntry[] = [];
  let characters = 0;
  for (let index = 0; index < file.count; index++) {
    const entry = readEntry(file, index);
    characters += entry.soname.length + entry.path.length;
    if (characters > MAX_CHARACTERS) return undefined;
    entries.push(entry);
  }
  return {
    entries,
    subfolders: file.subfolders.map((at) => readString(file.bytes, at)),
    generator: file.generator?.toString("utf8"),
  };
}

function readEntry(file: CacheFile, index: number): CacheEntry {
  const at = HEADER_WORDS + index * ENTRY_WORDS;
  const [flags = 0, key = 0, value = 0, osVersion = 0, low = 0, high = 0] = file.words.subarray(at, at + ENTRY_WORDS);
  const hwcap = (BigInt(high) << 32n) | BigInt(low);
  return { soname: readString(file.bytes, key), path: readString(file.bytes, value), flags, osVersion, hwcap };
}
