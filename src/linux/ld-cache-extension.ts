/*
 * What glibc 2.33 and later put behind the strings (sysdeps/generic/dl-cache.h): a magic, a count, and sections of 16 bytes:
 * tag, flags, offset, size. Other tags than these two may be left out: a loader does not need them.
 */
const MAGIC = 0xeaa42174;
const TAG_GENERATOR = 0;
const TAG_HWCAPS = 1;
const SECTION_WORDS = 4;

/** Bounds for a hostile file: glibc itself writes two sections and a handful of names. */
const MAX_SECTIONS = 64;
const MAX_SUBFOLDERS = 4096;

/** A range of bytes. */
interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Extension {
  /** Offsets of the names of glibc-hwcaps subfolders. */
  readonly subfolders: readonly number[];
  /** Where the name of the program stands that wrote the cache. */
  readonly generator: Range | undefined;
}

/**
 * Reads the extension of a cache of `size` bytes, which `words` begins with. Offsets count from the start of the whole file,
 * `before` bytes ahead of that. Undefined when it leads out of the file.
 */
export function readExtension(words: Uint32Array, size: number, before: number): Extension | undefined {
  const offset = words[8] ?? 0;
  if (offset === 0) return { subfolders: [], generator: undefined };
  if (offset < before || offset % 4 !== 0) return undefined;
  const directory = words.subarray((offset - before) / 4);
  const [magic, count = 0] = directory;
  const end = 2 + count * SECTION_WORDS;
  if (magic !== MAGIC || count > MAX_SECTIONS || end > directory.length) return undefined;
  const sections = readSections(directory.subarray(2, end), before);
  const isInside = [...sections.values()].every((section) => section.start >= 0 && section.end <= size);
  const subfolders = isInside ? readSubfolders(words, sections.get(TAG_HWCAPS)) : undefined;
  return subfolders && { subfolders, generator: sections.get(TAG_GENERATOR) };
}

function readSections(fields: Uint32Array, before: number): Map<number, Range> {
  const sections = new Map<number, Range>();
  for (let at = 0; at < fields.length; at += SECTION_WORDS) {
    const start = (fields[at + 2] ?? 0) - before;
    sections.set(fields[at] ?? 0, { start, end: start + (fields[at + 3] ?? 0) });
  }
  return sections;
}

/** None without a section, undefined when it is no array of words. */
function readSubfolders(words: Uint32Array, range: Range | undefined): number[] | undefined {
  if (range === undefined) return [];
  const isArray = range.start % 4 === 0 && range.end % 4 === 0 && range.end - range.start <= MAX_SUBFOLDERS * 4;
  return isArray ? [...words.subarray(range.start / 4, range.end / 4)] : undefined;
}

/** The bytes of an extension that stands at offset `start`, a multiple of 4; empty when there is nothing to say. */
export function encodeExtension(start: number, subfolders: readonly number[], generator: Buffer | undefined): Buffer {
  const hasGenerator = generator !== undefined;
  const sections = (hasGenerator ? 1 : 0) + (subfolders.length > 0 ? 1 : 0);
  if (sections === 0) return Buffer.alloc(0);
  const arrayAt = start + (2 + sections * SECTION_WORDS) * 4;
  const generatorAt = arrayAt + subfolders.length * 4;
  const head = [MAGIC, sections];
  if (hasGenerator) head.push(TAG_GENERATOR, 0, generatorAt, generator.length);
  if (subfolders.length > 0) head.push(TAG_HWCAPS, 0, arrayAt, subfolders.length * 4);
  const words = new Uint32Array([...head, ...subfolders]);
  return Buffer.concat([new Uint8Array(words.buffer), generator ?? Buffer.alloc(0)]);
}
