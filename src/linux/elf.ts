import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** What the headers of an ELF file say. */
export interface Elf {
  readonly architecture: "x86-64" | "i386" | "aarch64";
  /** ET_DYN: a shared library, or a position-independent program. */
  readonly isShared: boolean;
  readonly soname: string | undefined;
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
const MAX_SEGMENTS = 128;
const MAX_DYNAMIC_BYTES = 64 * 1024;
const MAX_SONAME_BYTES = 256;
/** Larger offsets are nonsense, and all smaller ones are exact as numbers. */
const MAX_OFFSET = 2 ** 48;

/**
 * Reads the headers and the dynamic section of an ELF file: a path, an open descriptor, or bytes. Undefined for what is no
 * ELF file of these architectures (System V ABI, chapters 4 and 5). Reads a few kilobytes whatever the file says. Throws errno errors.
 */
export function readElf(source: string | number | Uint8Array): Elf | undefined {
  if (typeof source === "number") return parseElf((offset, length) => readAt(source, offset, length));
  if (typeof source !== "string") return parseElf(readerOf(source));
  const fd = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    return fstatSync(fd).isFile() ? parseElf((offset, length) => readAt(fd, offset, length)) : undefined;
  } finally {
    closeSync(fd);
  }
}

function readerOf(bytes: Uint8Array): Reader {
  return (offset, length) => Buffer.from(bytes.subarray(offset, offset + length));
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
