/** A regular file in a tar file. */
export interface TarEntry {
  /** Where its content begins. */
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
/** More than any image has. */
const MAX_ENTRIES = 65_536;
/** Of a long name, and of the records of one entry. */
const MAX_NOTE = 64 * 1024;

type ReadAt = (offset: number, length: number) => Uint8Array;

/**
 * The regular files of a tar file by their names, without "./" before them; undefined: it is no tar file. Only headers
 * are read. Formats: ustar and pax (POSIX.1-2001), and GNU's long names and sizes.
 */
export function listTar(readAt: ReadAt, fileSize: number): ReadonlyMap<string, TarEntry> | undefined {
  const entries = new Map<string, TarEntry>();
  let note: Note = {};
  let offset = 0;
  for (let count = 0; offset + BLOCK <= fileSize && count < MAX_ENTRIES; count += 1) {
    const header = readHeader(readAt(offset, BLOCK));
    if (header === "end") break;
    if (header === undefined) return undefined;
    const size = note.size ?? header.size;
    const content = offset + BLOCK;
    if (size < 0 || content + size > fileSize) return undefined;
    if (NOTES.includes(header.type))
      note = { ...note, ...readNote(header.type, readAt(content, Math.min(size, MAX_NOTE))) };
    else {
      if (header.type === "0")
        entries.set((note.name ?? header.name).replace(/^(?:\.?\/)+/, ""), { offset: content, size });
      note = {};
    }
    offset = content + Math.ceil(size / BLOCK) * BLOCK;
  }
  return entries;
}

/** What an entry says of the next one. */
interface Note {
  readonly name?: string;
  readonly size?: number;
}

/** pax records of one entry, and GNU's long name; those for all entries, and long names of links, do not count here. */
const NOTES = ["x", "L", "g", "K"];

function readNote(type: string, bytes: Uint8Array): Note {
  if (type === "L") return { name: textOf(bytes) };
  if (type !== "x") return {};
  // "LENGTH KEY=VALUE\n", one after the other.
  const records = Buffer.from(bytes).toString().split("\n");
  const valueOf = (key: string): string | undefined =>
    records.findLast((record) => record.replace(/^\d+ /, "").startsWith(`${key}=`))?.replace(/^\d+ [^=]*=/, "");
  const [name, size] = [valueOf("path"), valueOf("size")];
  return {
    ...(name === undefined ? {} : { name }),
    ...(size !== undefined && /^\d{1,15}$/.test(size) ? { size: Number(size) } : {}),
  };
}

interface Header {
  readonly name: string;
  readonly size: number;
  /** "0": a regular file. */
  readonly type: string;
}

function readHeader(block: Uint8Array): Header | "end" | undefined {
  if (block.length < BLOCK) return undefined;
  if (block.every((byte) => byte === 0)) return "end";
  const sum = block.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (octal(block.subarray(148, 156)) !== sum) return undefined;
  const size = sizeOf(block.subarray(124, 136));
  if (size === undefined) return undefined;
  const prefix =
    textOf(block.subarray(257, 262)) === "ustar" && block[262] === 0 ? textOf(block.subarray(345, 500)) : "";
  const name = textOf(block.subarray(0, 100));
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156] ?? 0);
  return { name: prefix === "" ? name : `${prefix}/${name}`, size, type };
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString();
}

function octal(bytes: Uint8Array): number | undefined {
  const text = textOf(bytes).trim();
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

/** Octal, or GNU's binary form for files of 8 GiB and more. */
function sizeOf(bytes: Uint8Array): number | undefined {
  if (((bytes[0] ?? 0) & 0x80) === 0) return octal(bytes);
  const size = bytes.subarray(1).reduce((all, byte) => all * 256 + byte, 0);
  return Number.isSafeInteger(size) ? size : undefined;
}
