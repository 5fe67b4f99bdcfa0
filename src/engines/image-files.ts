import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { BerthError } from "../base/index.ts";
import { Root } from "../linux/index.ts";
import { listTar, type TarEntry } from "./tar.ts";

/** The files of an image that lies on this machine, as a folder or in a tar file. Nothing is unpacked. */
export interface ImageFiles {
  /** The bytes of a file, by its path inside ("index.json"); undefined: there is none. Throws BERTH-Q002 for one that is too large. */
  readonly read: (path: string) => Uint8Array | undefined;
  readonly [Symbol.dispose]: () => void;
}

/** More than any index, manifest or configuration has. */
const MAX_BYTES = 4 * 1024 * 1024;
const PACKED: readonly (readonly [name: string, magic: readonly number[], unpack: string])[] = [
  ["gzip", [0x1f, 0x8b], "gunzip --keep"],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd], "zstd --decompress"],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a], "unxz --keep"],
];

/** Opens an OCI layout's folder, or a tar file of one or of docker save. Throws BERTH-Q002. */
export function openImageFiles(path: string): ImageFiles {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw unreadable(path, "there is no such file or folder", `ls ${path}`);
  if (stat.isDirectory()) return openFolder(path);
  if (!stat.isFile()) throw unreadable(path, "it is neither a folder nor a file", `ls -l ${path}`);
  return openTar(path);
}

function openFolder(path: string): ImageFiles {
  const root = Root.open(path);
  return {
    read: (name) => root.readFile(`/${name}`, MAX_BYTES),
    [Symbol.dispose]: () => root.close(),
  };
}

function openTar(path: string): ImageFiles {
  const fd = openSync(path, "r");
  try {
    const packed = PACKED.find(([, magic]) => Buffer.from(magic).equals(readAt(fd, 0, magic.length)));
    if (packed !== undefined)
      throw unreadable(path, `it is packed with ${packed[0]}`, `unpack it first: ${packed[2]} ${path}`);
    const entries = listTar((offset, length) => readAt(fd, offset, length), fstatSync(fd).size);
    if (entries === undefined) throw unreadable(path, "it is no tar file", `tar --list --file ${path}`);
    return { read: (name) => readEntry(fd, path, name, entries.get(name)), [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

// oxlint-disable-next-line max-params -- an entry is nothing without its file and name
function readEntry(fd: number, path: string, name: string, entry: TarEntry | undefined): Uint8Array | undefined {
  if (entry === undefined) return undefined;
  if (entry.size > MAX_BYTES)
    throw unreadable(path, `"${name}" in it has more than ${MAX_BYTES} bytes`, "save the image again");
  return readAt(fd, entry.offset, entry.size);
}

/** Fewer bytes at the file's end. */
function readAt(fd: number, offset: number, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
}

/** BERTH-Q002, for an image whose files do not say what it is. */
export function unreadable(path: string, why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-Q002", message: `Cannot read the image "${path}": ${why}`, remedy });
}
