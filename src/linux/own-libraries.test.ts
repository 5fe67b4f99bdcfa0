import { expect, test } from "bun:test";
import { basename } from "node:path";
import { readElf } from "./elf.ts";
import { GLIBC_LOADER, ownLibraries } from "./own-libraries.ts";

test("ownLibraries are the loader and the parts of the C library, each under its soname", () => {
  const libraries = ownLibraries();
  const names = libraries.map(({ soname }) => soname);
  for (const name of [basename(GLIBC_LOADER), "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0"])
    expect(names).toContain(name);
  expect(new Set(names).size).toBe(names.length);
  for (const { soname, path } of libraries) expect(readElf(path)?.soname).toBe(soname);
});
