import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** What the headers of an ELF file say. */
export interface Elf {
  readonly architecture: "x86-64" | "i386" | "aarch64";
  /** ET_DYN: a shared library, or a position-independent program. */
  readonly isShared: boolean;
  readonly soname: string | undefined;
}

/** One note of an ELF file: who defined it, and what it says. */
export interface ElfNote {
  readonly owner: string;
  readonly description: Uint8Array;
}

/** Bytes from an offset; fewer than `length` at the end of the file. */
type Reader = (offset: number, length: number) => Buffer;

/** A segment of the program header table: its type, place in the file, address in memory and size in the file. */
interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const ET_DYN = 3;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_SONAME = 14;
const SHT_NOTE = 7;
const MAX_SEGMENTS = 128;
const MAX_SECTIONS = 1024;
const MAX_NAMES_BYTES = 64 * 1024;
const MAX_NOTE_BYTES = 64 * 1024;
/** namesz, descsz and type, four bytes each. */
const NOTE_HEADER = 12;
const MAX_DYNAMIC_BYTES = 64 * 1024;
const MAX_SONAME_BYTES = 256;
/** Larger offsets are nonsense, and all smaller ones are exact as numbers. */
const MAX_OFFSET = 2 ** 48;

/**
 * Reads the headers and the dynamic section of an ELF file: a path, an open descriptor, or bytes. Undefined for what is no
 * ELF file of these architectures (System V ABI, chapters 4 and 5). Reads a few kilobytes whatever the file says. Throws errno errors.
 */
export function readElf(source: string | number | Uint8Array): Elf | undefined {
  if (typeof source !== "string") return parseElf(readerOf(source));
  const fd = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    return fstatSync(fd).isFile() ? parseElf(readerOf(fd)) : undefined;
  } finally {
    closeSync(fd);
  }
}

/**
 * The first note in the section of a name (System V ABI, "Note Section"), of an open descriptor or of bytes. Undefined where there is no such
 * section or it cannot be read: the file may be hostile, and no more than some hundred kilobytes of it are read. Throws errno errors.
 */
export function readElfNote(source: number | Uint8Array, section: string): ElfNote | undefined {
  const read = readerOf(source);
  const header = read(0, 64);
  if (header.length < 64 || header.readUInt32BE(0) !== 0x7f454c46 || header[5] !== 1) return undefined;
  const sections = readSections(read, header, header[4] === 2);
  const names = sections[header.readUInt16LE(header[4] === 2 ? 62 : 50)];
  if (names === undefined || names.offset > MAX_OFFSET) return undefined;
  const texts = read(names.offset, Math.min(names.size, MAX_NAMES_BYTES));
  const found = sections.find(({ type, name }) => {
    return type === SHT_NOTE && texts.toString("latin1", name, name + section.length + 1) === `${section}\0`;
  });
  if (found === undefined || found.offset > MAX_OFFSET) return undefined;
  return parseNote(read(found.offset, Math.min(found.size, MAX_NOTE_BYTES)));
}

/** An entry of the section header table; `name` is where its name begins in the section of names. */
interface Section {
  readonly name: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

function readSections(read: Reader, header: Buffer, isWide: boolean): Section[] {
  const size = isWide ? 64 : 40;
  const start = readWord(header, isWide ? 40 : 32, isWide);
  const count = Math.min(header.readUInt16LE(isWide ? 60 : 48), MAX_SECTIONS);
  if (header.readUInt16LE(isWide ? 58 : 46) !== size || start > MAX_OFFSET) return [];
  const table = read(start, count * size);
  const sections: Section[] = [];
  for (let at = 0; at + size <= table.length; at += size) {
    sections.push({
      name: table.readUInt32LE(at),
      type: table.readUInt32LE(at + 4),
      offset: readWord(table, at + (isWide ? 24 : 16), isWide),
      size: readWord(table, at + (isWide ? 32 : 20), isWide),
    });
  }
  return sections;
}

/** Name and description each begin at a multiple of four; a description that is cut off ends where the section does. */
function parseNote(bytes: Buffer): ElfNote | undefined {
  if (bytes.length < NOTE_HEADER) return undefined;
  const [nameSize, size] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
  if (nameSize > bytes.length || size > MAX_NOTE_BYTES) return undefined;
  const start = NOTE_HEADER + Math.ceil(nameSize / 4) * 4;
  const owner = bytes.toString("latin1", NOTE_HEADER, NOTE_HEADER + nameSize).replace(/\0+$/, "");
  return { owner, description: bytes.subarray(start, start + size) };
}

function readerOf(source: number | Uint8Array): Reader {
  if (typeof source === "number") return (offset, length) => readAt(source, offset, length);
  return (offset, length) => Buffer.from(source.subarray(offset, offset + length));
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
}

function parseElf(read: Reader): Elf | undefined {
  const header = read(0, 64);
  const isWide = header[4] === 2;
  if (header.length < 52 || header.readUInt32BE(0) !== 0x7f454c46 || header[5] !== 1) return undefined;
  if ((!isWide && header[4] !== 1) || (isWide && header.length < 64)) return undefined;
  const architecture = architectureOf(header.readUInt16LE(18), isWide);
  if (architecture === undefined) return undefined;
  const soname = readSoname(read, readSegments(read, header, isWide), isWide);
  return { architecture, isShared: header.readUInt16LE(16) === ET_DYN, soname };
}

function architectureOf(machine: number, isWide: boolean): Elf["architecture"] | undefined {
  if (machine === 3) return isWide ? undefined : "i386";
  if (!isWide) return undefined;
  if (machine === 62) return "x86-64";
  return machine === 183 ? "aarch64" : undefined;
}

function readSegments(read: Reader, header: Buffer, isWide: boolean): Segment[] {
  const size = isWide ? 56 : 32;
  const start = readWord(header, isWide ? 32 : 28, isWide);
  const count = Math.min(header.readUInt16LE(isWide ? 56 : 44), MAX_SEGMENTS);
  if (header.readUInt16LE(isWide ? 54 : 42) !== size || start > MAX_OFFSET) return [];
  const table = read(start, count * size);
  const segments: Segment[] = [];
  for (let at = 0; at + size <= table.length; at += size) {
    segments.push({
      type: table.readUInt32LE(at),
      offset: readWord(table, at + (isWide ? 8 : 4), isWide),
      address: readWord(table, at + (isWide ? 16 : 8), isWide),
      size: readWord(table, at + (isWide ? 32 : 16), isWide),
    });
  }
  return segments;
}

function readSoname(read: Reader, segments: readonly Segment[], isWide: boolean): string | undefined {
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined || dynamic.offset > MAX_OFFSET) return undefined;
  const tags = readTags(read(dynamic.offset, Math.min(dynamic.size, MAX_DYNAMIC_BYTES)), isWide);
  const table = offsetOf(segments, tags.get(DT_STRTAB));
  const name = tags.get(DT_SONAME);
  if (table === undefined || name === undefined || table + name > MAX_OFFSET) return undefined;
  const text = read(table + name, MAX_SONAME_BYTES);
  const end = text.indexOf(0);
  return end > 0 ? text.toString("utf8", 0, end) : undefined;
}

/** The dynamic section as tag and value, up to DT_NULL. */
function readTags(section: Buffer, isWide: boolean): Map<number, number> {
  const tags = new Map<number, number>();
  const half = isWide ? 8 : 4;
  for (let at = 0; at + half * 2 <= section.length; at += half * 2) {
    const tag = readWord(section, at, isWide);
    if (tag === 0) break;
    tags.set(tag, readWord(section, at + half, isWide));
  }
  return tags;
}

/** Where in the file the byte of an address is. */
function offsetOf(segments: readonly Segment[], address: number | undefined): number | undefined {
  if (address === undefined) return undefined;
  const home = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size,
  );
  return home && home.offset + address - home.address;
}

function readWord(bytes: Buffer, at: number, isWide: boolean): number {
  return isWide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at);
}
