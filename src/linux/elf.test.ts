import { afterAll, expect, test } from "bun:test";
import * as fc from "fast-check";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readElf, readElfNote, type Elf } from "./elf.ts";
import { compileNotedLibrary } from "./noted-library.test-helper.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-elf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compile(name: string, flags: readonly string[]): string {
  const source = join(folder, "one.c");
  writeFileSync(source, "int one(void) { return 1; }\n");
  const output = join(folder, name);
  const { exitCode, stderr } = Bun.spawnSync(["gcc", "-nostdlib", ...flags, "-o", output, source]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return output;
}

/** The header of a 32-bit ELF file for ARM, without a program header table. */
function armHeader(): Uint8Array {
  const bytes = Buffer.alloc(52);
  bytes.write("\x7fELF\x01\x01\x01", "latin1");
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(40, 18);
  return bytes;
}

test("readElf tells the soname and architecture of a shared library", () => {
  const file = compile("libone.so.1.2.3", ["-shared", "-fPIC", "-Wl,-soname,libone.so.1"]);
  const architecture = process.arch === "arm64" ? "aarch64" : "x86-64";
  const expected: Elf = { architecture, isShared: true, soname: "libone.so.1" };
  expect(readElf(file)).toEqual(expected);
  expect(readElf(readFileSync(file))).toEqual(expected);
});

test("readElf gives no soname for a library without one", () => {
  expect(readElf(compile("libtwo.so", ["-shared", "-fPIC"]))?.soname).toBeUndefined();
});

test("readElf tells a program that cannot be moved from a library", () => {
  expect(readElf(compile("three", ["-static", "-no-pie", "-Wl,-e,one"]))?.isShared).toBe(false);
});

test.skipIf(process.arch !== "x64")("readElf reads a 32-bit library for x86", () => {
  const file = compile("libfour.so", ["-m32", "-shared", "-fPIC", "-Wl,-soname,libfour.so.4"]);
  expect(readElf(file)).toEqual({ architecture: "i386", isShared: true, soname: "libfour.so.4" });
});

test("readElf gives undefined for a machine that no driver is made for", () => {
  expect(readElf(armHeader())).toBeUndefined();
});

test("readElf gives undefined for a script, an empty file and a folder", () => {
  const script = join(folder, "script");
  writeFileSync(script, "#!/bin/sh\n");
  expect(readElf(script)).toBeUndefined();
  expect(readElf(new Uint8Array(0))).toBeUndefined();
  expect(readElf(folder)).toBeUndefined();
});

test("readElf never throws, whatever bytes of a library are changed or cut off", () => {
  const good = readFileSync(compile("libfive.so", ["-shared", "-fPIC", "-Wl,-soname,libfive.so.5"]));
  const change = fc.tuple(fc.nat(1023), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), fc.nat(good.length), (changes, length) => {
      const bytes = Uint8Array.from(good.subarray(0, length));
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      readElf(bytes);
    }),
  );
});

const NOTE = '{"format":1,"driver":[535,550]}';

test.each([["64-bit", []], ...(process.arch === "x64" ? [["32-bit", ["-m32"]] as const] : [])])(
  "readElfNote reads the note of a section in a %s library",
  (name, flags) => {
    const file = join(folder, `libnote-${name}.so`);
    compileNotedLibrary(file, { note: { section: ".note.test", owner: "NVIDIA Corporation", text: NOTE }, flags });
    const bytes = readFileSync(file);
    const note = readElfNote(bytes, ".note.test");
    expect(note?.owner).toBe("NVIDIA Corporation");
    expect(Buffer.from(note?.description ?? []).toString()).toBe(NOTE);
    expect(readElfNote(bytes, ".note.tes")).toBeUndefined();
    expect(readElfNote(bytes, ".dynamic")).toBeUndefined();
  },
);

test("readElfNote never throws, whatever bytes of a library are changed or cut off", () => {
  const file = join(folder, "libnote.so");
  compileNotedLibrary(file, { note: { section: ".note.test", owner: "NVIDIA Corporation", text: NOTE } });
  const good = readFileSync(file);
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), fc.nat(good.length), (changes, length) => {
      const bytes = Uint8Array.from(good.subarray(0, length));
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      readElfNote(bytes, ".note.test");
    }),
  );
});

test.each([
  ["a name", 0],
  ["a description", 4],
])("readElfNote gives no note whose header says that %s is larger than any", (_, at) => {
  const file = join(folder, "libnote-large.so");
  compileNotedLibrary(file, { note: { section: ".note.test", owner: "NVIDIA Corporation", text: NOTE } });
  const bytes = readFileSync(file);
  // The note begins with the two sizes and its type.
  const start = bytes.indexOf(Buffer.from("NVIDIA Corporation")) - 12;
  bytes.writeUInt32LE(0xffff_fff0, start + at);
  expect(readElfNote(bytes, ".note.test")).toBeUndefined();
});
