import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BerthError } from "../../base/index.ts";
import { GLIBC_LOADER, ownLibraries, type OwnLibrary } from "../../linux/index.ts";

/** Where berth and what it needs stand in a trial container. */
export const INSIDE = "/.berth-selftest";

/** One entry of a root file system; folders before what is in them. */
export type TrialEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "text"; readonly path: string; readonly text: string }
  /** A copy of a file of this machine. */
  | { readonly kind: "copy"; readonly path: string; readonly from: string };

/** The C library that this program runs with, and its loader. */
export interface Brought {
  readonly loader: OwnLibrary;
  readonly libraries: readonly OwnLibrary[];
}

/** Throws BERTH-V006 where the running program's own files were replaced. */
export function findBrought(): Brought {
  const libraries = ownLibraries();
  const loader = libraries.find(({ soname }) => soname === basename(GLIBC_LOADER));
  if (loader !== undefined && libraries.some(({ soname }) => soname === "libc.so.6")) return { loader, libraries };
  throw new BerthError({
    code: "BERTH-V006",
    message: "Cannot make a container from this machine: the C library that berth runs with is no longer in its place",
    remedy: "run it again: the C library was just upgraded",
  });
}

/** The smallest root file system that berth runs in: the machine's C library where that library's own loader looks for it, and no program. */
export function trialTree({ loader, libraries }: Brought): readonly TrialEntry[] {
  const files = libraries.filter(({ soname }) => soname !== loader.soname);
  const placed = files.map(({ soname, path }) => ({ path: join(dirname(path), soname), from: path }));
  const copies = [{ path: GLIBC_LOADER, from: loader.path }, ...placed];
  const folders = new Set(
    ["/dev/x", "/proc/x", "/sys/x", "/etc/x", "/run/x", `${INSIDE}/x`, ...copies.map(({ path }) => path)].flatMap(
      parentsOf,
    ),
  );
  return [
    ...[...folders].toSorted().map((path) => ({ kind: "folder", path, mode: 0o755 }) as const),
    { kind: "folder", path: "/tmp", mode: 0o1777 },
    { kind: "text", path: "/etc/passwd", text: "root:x:0:0:root:/:/bin/false\n" },
    { kind: "text", path: "/etc/group", text: "root:x:0:\n" },
    ...copies.map(({ path, from }) => ({ kind: "copy", path, from }) as const),
  ];
}

/** "/a/b/c": "/a", "/a/b". */
function parentsOf(path: string): readonly string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, at) => `/${names.slice(0, at + 1).join("/")}`);
}

/** Makes the files below a new folder. */
export function writeTree(folder: string, entries: readonly TrialEntry[]): void {
  mkdirSync(folder, { mode: 0o755 });
  for (const entry of entries) {
    const path = join(folder, entry.path);
    if (entry.kind === "folder") mkdirSync(path);
    else if (entry.kind === "text") writeFileSync(path, entry.text);
    else copyFileSync(entry.from, path);
    chmodSync(path, modeOf(entry));
  }
}

/** The folder of what is brought into an image that has no such C library. */
export function writeBrought(folder: string, { libraries }: Brought): void {
  mkdirSync(folder, { mode: 0o755 });
  for (const { soname, path } of libraries) {
    copyFileSync(path, join(folder, soname));
    chmodSync(join(folder, soname), 0o755);
  }
}

function modeOf(entry: TrialEntry): number {
  if (entry.kind === "folder") return entry.mode;
  return entry.kind === "text" ? 0o644 : 0o755;
}

const BLOCK = 512;
const NAME_BYTES = 100;

/** The same as a tar archive, all of it root's. Source: pax(1), ustar. Throws RangeError for a path of more than 100 bytes. */
export function tarOf(entries: readonly TrialEntry[]): Uint8Array {
  const parts = entries.flatMap((entry) => {
    const bytes = bytesOf(entry);
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    return [header(entry, bytes.length), bytes, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function bytesOf(entry: TrialEntry): Uint8Array {
  if (entry.kind === "folder") return new Uint8Array();
  return entry.kind === "text" ? Buffer.from(entry.text) : readFileSync(entry.from);
}

function header(entry: TrialEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const name = `.${entry.path}${entry.kind === "folder" ? "/" : ""}`;
  if (Buffer.byteLength(name) > NAME_BYTES) throw new RangeError(`"${name}" is too long for a tar archive`);
  const octal = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, "0"), at, "latin1");
  };
  block.write(name, 0);
  octal(modeOf(entry), 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(entry.kind === "copy" ? Math.floor(statSync(entry.from).mtimeMs / 1000) : 0, 136, 12);
  block.write("        ", 148);
  block.write(entry.kind === "folder" ? "5" : "0", 156);
  block.write("ustar\u000000", 257, "latin1");
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}
