import { encodeExtension } from "./ld-cache-extension.ts";
import { ENTRY_WORDS, HEADER_WORDS, LITTLE_ENDIAN, MAGIC, type CacheFile } from "./ld-cache-file.ts";
import type { SortKey } from "./ld-cache-order.ts";

/** An entry that is to be written. */
export interface Addition {
  /** Its bytes are the name with its NUL. */
  readonly key: SortKey;
  /** With its NUL. */
  readonly path: Buffer;
  readonly osVersion: number;
  /** It goes ahead of the kept file's entry of this index. */
  readonly before: number;
}

export interface CacheContent {
  /** What is taken over from a file: all but the entries of these indices. */
  readonly kept: { readonly file: CacheFile; readonly removed: ReadonlySet<number> } | undefined;
  /** Sorted. */
  readonly add: readonly Addition[];
  /** Names of glibc-hwcaps subfolders, beside those of the kept file. */
  readonly subfolders: readonly string[];
  readonly generator: Buffer | undefined;
}

/** Strings that are appended, and the offset at which the next one comes. */
interface Strings {
  readonly parts: Buffer[];
  next: number;
}

/** The bytes of a cache in the new format. The strings of the kept file stay as they are, up to the last one in use. */
export function encodeCache(content: CacheContent): Uint8Array {
  const { kept, add, generator } = content;
  const oldStrings = kept === undefined ? Buffer.alloc(0) : usedStrings(kept.file, kept.removed);
  const count = add.length + (kept === undefined ? 0 : kept.file.count - kept.removed.size);
  const stringsStart = (HEADER_WORDS + count * ENTRY_WORDS) * 4;
  const delta = kept === undefined ? 0 : stringsStart - kept.file.stringsStart;
  const strings: Strings = { parts: [oldStrings], next: stringsStart + oldStrings.length };
  const places = add.map((one) => appendEntry(strings, one));
  const subfolders = kept?.file.subfolders.map((at) => at + delta) ?? [];
  for (const name of content.subfolders) subfolders.push(append(strings, Buffer.from(`${name}\0`)));
  const extension = encodeExtension(align(strings.next), subfolders, generator);

  const words = new Uint32Array(Math.ceil((align(strings.next) + extension.length) / 4));
  const bytes = Buffer.from(words.buffer, 0, align(strings.next) + extension.length);
  bytes.write(MAGIC, 0, "latin1");
  words.set([count, strings.next - stringsStart, LITTLE_ENDIAN, extension.length > 0 ? align(strings.next) : 0], 5);
  writeEntries(words, { content, places, delta });
  bytes.set(Buffer.concat(strings.parts), stringsStart);
  bytes.set(extension, align(strings.next));
  return bytes;
}

function align(offset: number): number {
  return (offset + 3) & ~3;
}

function append(strings: Strings, part: Buffer): number {
  const at = strings.next;
  strings.parts.push(part);
  strings.next += part.length;
  return at;
}

/** Appends path and name, the name as the end of the path where it is; returns the offsets of both. */
function appendEntry(strings: Strings, one: Addition): { readonly name: number; readonly path: number } {
  const path = append(strings, one.path);
  const tail = one.path.length - one.key.bytes.length;
  const isTail = tail >= 0 && one.path.subarray(tail).equals(one.key.bytes);
  return { path, name: isTail ? path + tail : append(strings, Buffer.from(one.key.bytes)) };
}

/** The strings of a file up to the end of the last one that is still used, so that a file which is merged often does not grow. */
function usedStrings(file: CacheFile, removed: ReadonlySet<number>): Buffer {
  const last = Math.max(removed.size === 0 ? file.lastUsed : findLastKept(file, removed), ...file.subfolders);
  return file.bytes.subarray(file.stringsStart, last < 0 ? file.stringsStart : file.bytes.indexOf(0, last) + 1);
}

function findLastKept({ words, count }: CacheFile, removed: ReadonlySet<number>): number {
  let last = -1;
  for (let index = 0, at = HEADER_WORDS; index < count; index++, at += ENTRY_WORDS) {
    if (!removed.has(index)) last = Math.max(last, words[at + 1] ?? 0, words[at + 2] ?? 0);
  }
  return last;
}

interface Entries {
  readonly content: CacheContent;
  readonly places: readonly { readonly name: number; readonly path: number }[];
  /** By how much the kept strings move. */
  readonly delta: number;
}

/** Kept entries are copied in runs, between the new ones and without the removed ones. */
function writeEntries(words: Uint32Array, entries: Entries): void {
  const { kept, add } = entries.content;
  const source = kept?.file.words ?? new Uint32Array(0);
  const removed = [...(kept?.removed ?? [])].toSorted((a, b) => a - b);
  let to = HEADER_WORDS;
  let from = 0;
  let skipped = 0;
  const copyUntil = (end: number): void => {
    for (let gone = removed[skipped]; gone !== undefined && gone < end; gone = removed[++skipped]) {
      to = copyRun(words, to, runOf(source, from, gone), entries.delta);
      from = gone + 1;
    }
    if (from < end) to = copyRun(words, to, runOf(source, from, end), entries.delta);
    from = Math.max(from, end);
  };
  add.forEach((one, index) => {
    copyUntil(one.before);
    writeAddition(words, to, entries, index);
    to += ENTRY_WORDS;
  });
  copyUntil(kept?.file.count ?? 0);
}

function runOf(words: Uint32Array, from: number, end: number): Uint32Array {
  return words.subarray(HEADER_WORDS + from * ENTRY_WORDS, HEADER_WORDS + end * ENTRY_WORDS);
}

/** Copies entries whose strings move by `delta`; returns where the next one goes. */
function copyRun(words: Uint32Array, to: number, run: Uint32Array, delta: number): number {
  words.set(run, to);
  const stop = to + run.length;
  for (let at = to; at < stop; at += ENTRY_WORDS) {
    words[at + 1] = (words[at + 1] ?? 0) + delta;
    words[at + 2] = (words[at + 2] ?? 0) + delta;
  }
  return stop;
}

function writeAddition(words: Uint32Array, to: number, entries: Entries, index: number): void {
  const one = entries.content.add[index];
  const place = entries.places[index];
  if (one === undefined || place === undefined) return;
  words.set([one.key.flags, place.name, place.path, one.osVersion, one.key.hwcapLow, one.key.hwcapHigh], to);
}
