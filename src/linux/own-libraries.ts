import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readElf } from "./elf.ts";

/** A shared library on this machine. */
export interface OwnLibrary {
  readonly soname: string;
  readonly path: string;
}

/** Where the ABI has the loader of glibc (PT_INTERP). */
export const GLIBC_LOADER = process.arch === "arm64" ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2";

/** Of the C library, which others may need that this process does not. */
const PARTS = ["librt.so.1", "libdl.so.2", "libpthread.so.0", "libm.so.6"];

/**
 * The C library of this process with its loader, in files: what this program needs in a root file system that has none.
 * As they are loaded, so that nothing is guessed about the loader's ways; a file that was replaced since is left out.
 */
export function ownLibraries(): readonly OwnLibrary[] {
  const maps = readFileSync("/proc/self/maps", "utf8").matchAll(/\s(\/\S*\.so\S*)$/gm);
  const loaded = [...new Set([...maps].map(([, path = ""]) => path))].filter((path) => existsSync(path)).flatMap(named);
  const home = loaded.find(({ soname }) => soname === "libc.so.6");
  const beside =
    home === undefined ? [] : PARTS.map((name) => join(dirname(home.path), name)).filter((path) => existsSync(path));
  const all = [...loaded, ...beside.flatMap(named)].map((library) => [library.soname, library] as const);
  return [...new Map(all).values()];
}

function named(path: string): readonly OwnLibrary[] {
  const soname = readElf(path)?.soname;
  return soname === undefined ? [] : [{ soname, path }];
}
