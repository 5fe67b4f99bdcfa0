import { afterAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatLoaderCache, mergeLoaderCache } from "./ld-cache-merge.ts";
import { loaderFlags, parseLoaderCache, type CacheEntry, type LoaderCache } from "./ld-cache.ts";

const base = mkdtempSync(join(tmpdir(), "berth-cache-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const isX64 = process.arch === "x64";
const isSuperuser = process.getuid?.() === 0;
const FLAGS = loaderFlags(isX64 ? "x86-64" : "aarch64");

function entry(path: string, more: Partial<CacheEntry> = {}): CacheEntry {
  const soname = path.slice(path.lastIndexOf("/") + 1);
  return { soname, path, flags: FLAGS, osVersion: 0, hwcap: 0n, ...more };
}

function read(bytes: Uint8Array): LoaderCache {
  const cache = parseLoaderCache(bytes);
  if (cache === undefined) throw new Error("It cannot be read");
  return cache;
}

function merge(existing: Uint8Array | undefined, add: readonly CacheEntry[], removePaths: readonly string[] = []) {
  return mergeLoaderCache(existing, { add, removePaths: new Set(removePaths) });
}

function paths(bytes: Uint8Array): string[] {
  return read(bytes).entries.map((one) => one.path);
}

function run(argv: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv);
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

/** What the machine's own ldconfig reads in a cache: [soname, path] in the order of the file. */
function printed(cache: Uint8Array): string[][] {
  const file = join(base, "printed.cache");
  writeFileSync(file, cache);
  const lines = run(["/sbin/ldconfig", "-p", "-C", file]).split("\n");
  return lines.flatMap((line) => {
    const [, soname, path] = /^\t(\S+) \(.*\) => (.*)$/.exec(line) ?? [];
    return soname === undefined || path === undefined ? [] : [[soname, path]];
  });
}

describe("parseLoaderCache", () => {
  test.skipIf(!existsSync("/etc/ld.so.cache"))("reads this machine's cache as ldconfig -p does", () => {
    const bytes = readFileSync("/etc/ld.so.cache");
    const { entries } = read(bytes);
    expect(entries.length).toBeGreaterThan(10);
    expect(entries.map(({ soname, path }) => [soname, path])).toEqual(printed(bytes));
  });

  test.skipIf(!existsSync("/etc/ld.so.cache"))("gives what formatLoaderCache turns into the same cache", () => {
    const cache = read(readFileSync("/etc/ld.so.cache"));
    expect(read(formatLoaderCache(cache.entries, cache))).toEqual(cache);
    const backwards = cache.entries.toReversed();
    const sonames = read(formatLoaderCache(backwards, cache)).entries.map((one) => one.soname);
    expect(sonames).toEqual(cache.entries.map((one) => one.soname));
  });

  test("gives undefined for bytes that are no loader cache", () => {
    expect(parseLoaderCache(new Uint8Array(0))).toBeUndefined();
    expect(parseLoaderCache(Buffer.from("glibc-ld.so.cache1.1"))).toBeUndefined();
    expect(parseLoaderCache(Buffer.alloc(4096, 0x41))).toBeUndefined();
  });
});

describe("mergeLoaderCache", () => {
  const image = formatLoaderCache([entry("/lib/liba.so.1"), entry("/lib/libcuda.so.1"), entry("/lib/libz.so.1")]);

  test("makes a cache where there was none", () => {
    const merged = merge(undefined, [entry("/drv/libcuda.so.1"), entry("/drv/libnvidia-ml.so.1")]);
    expect(merged.wasUnreadable).toBe(false);
    expect(paths(merged.bytes)).toEqual(["/drv/libnvidia-ml.so.1", "/drv/libcuda.so.1"]);
    expect(paths(merge(undefined, []).bytes)).toEqual([]);
  });

  test("puts the driver's library before the image's of the same name", () => {
    const { bytes } = merge(image, [entry("/drv/libcuda.so.1")]);
    expect(paths(bytes)).toEqual(["/lib/libz.so.1", "/drv/libcuda.so.1", "/lib/libcuda.so.1", "/lib/liba.so.1"]);
  });

  test("takes out paths, and what was added is gone without a trace", () => {
    const { bytes } = merge(image, [entry("/drv/libcuda.so.1"), entry("/drv/new.so.2", { soname: "libnew.so.2" })]);
    const back = merge(bytes, [], ["/drv/libcuda.so.1", "/drv/new.so.2", "/not/there", "lib/libz.so.1"]);
    expect(back.bytes).toEqual(image);
    expect(paths(merge(image, [], ["/lib/libz.so.1", "/lib/liba.so.1"]).bytes)).toEqual(["/lib/libcuda.so.1"]);
    expect(paths(merge(image, [], paths(image)).bytes)).toEqual([]);
  });

  test("is the same when done twice, and does not grow with every driver", () => {
    const once = merge(image, [entry("/drv/libcuda.so.1"), entry("/lib/liba.so.1")]).bytes;
    expect(merge(once, [entry("/drv/libcuda.so.1"), entry("/lib/liba.so.1")]).bytes).toEqual(once);
    let bytes = image;
    for (let version = 1; version < 50; version++) {
      bytes = merge(bytes, [entry(`/drv/${version}/libcuda.so.1`)], [`/drv/${version - 1}/libcuda.so.1`]).bytes;
    }
    expect(bytes.length).toBeLessThan(image.length + 100);
    expect(paths(bytes)).toContain("/drv/49/libcuda.so.1");
  });

  test("does not grow where two add libraries by turns, and takes out the other's no more", () => {
    const [first, second] = [[entry("/drv/libcuda.so.1"), entry("/drv/libz.so.1")], [entry("/drv/libm.so.1")]];
    let bytes = merge(merge(image, first).bytes, second).bytes;
    const once = bytes;
    for (let turn = 0; turn < 10; turn++) bytes = merge(merge(bytes, first).bytes, second).bytes;
    expect(bytes).toEqual(once);
    for (const each of [first, second])
      expect(merge(once, each, paths(once)).bytes.length).toBeLessThanOrEqual(once.length);
    expect(merge(once, first, ["/drv/libcuda.so.1", "/drv/libz.so.1"]).bytes).toEqual(once);
  });

  test("keeps libraries of another architecture apart", () => {
    const small = entry("/lib32/libcuda.so.1", { flags: loaderFlags("i386") });
    const { bytes } = merge(formatLoaderCache([small]), [entry("/drv/libcuda.so.1", { flags: loaderFlags("x86-64") })]);
    expect(paths(bytes)).toEqual(["/drv/libcuda.so.1", "/lib32/libcuda.so.1"]);
  });

  test("finds names and paths that are not UTF-8 in the image without changing them", () => {
    const odd = Buffer.from(formatLoaderCache([entry("/lib/libXX.so"), entry("/lib/liba.so")]));
    for (let at = odd.indexOf("XX"); at >= 0; at = odd.indexOf("XX")) odd.write("\xff\xfe", at, "latin1");
    const { bytes, wasUnreadable } = merge(odd, [entry("/drv/libb.so")]);
    expect(wasUnreadable).toBe(false);
    expect(Buffer.from(bytes).includes(Buffer.from("/lib/lib\xff\xfe.so\0", "latin1"))).toBe(true);
    expect(read(bytes).entries).toHaveLength(3);
  });

  test("takes entries over with the hardware and kernel they ask for", () => {
    const old = entry("/lib/tls/libc.so.6", { hwcap: 0x8000000000000000n, osVersion: 0x20620 });
    const { bytes } = merge(formatLoaderCache([entry("/lib/libc.so.6"), old]), [entry("/drv/libc.so.6")]);
    expect(read(bytes).entries).toEqual([old, entry("/drv/libc.so.6"), entry("/lib/libc.so.6")]);
  });

  test("refuses a NUL, which would end a name early", () => {
    expect(() => merge(image, [entry("/drv/liba\0.so")])).toThrow(TypeError);
  });
});

/** Swaps entries of a cache as they stand: each number says with which the next entry changes places. */
function shuffle(cache: Uint8Array, swaps: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(cache);
  const count = Buffer.from(bytes.buffer).readUInt32LE(20);
  swaps.slice(0, count).forEach((swap, index) => {
    const [a, b] = [48 + index * 24, 48 + (swap % count) * 24];
    const first = bytes.slice(a, a + 24);
    bytes.copyWithin(a, b, b + 24);
    bytes.set(first, b);
  });
  return bytes;
}

describe("a cache that the image made up", () => {
  const good = formatLoaderCache([entry("/lib/liba.so.1"), entry("/lib/libb.so.1")], { generator: "x" });
  const ours = entry("/drv/libcuda.so.1");

  const spoil: readonly (readonly [string, (bytes: Buffer) => unknown])[] = [
    ["an entry count beyond the file", (bytes) => bytes.writeUInt32LE(0xffffffff, 20)],
    ["one entry more than there are", (bytes) => bytes.writeUInt32LE(4, 20)],
    ["strings beyond the file", (bytes) => bytes.writeUInt32LE(0x7fffffff, 24)],
    ["a name beyond the strings", (bytes) => bytes.writeUInt32LE(bytes.length, 52)],
    ["a path in the header", (bytes) => bytes.writeUInt32LE(4, 56)],
    ["a name after the last NUL", (bytes) => bytes.fill(0x41, 96, bytes.readUInt32LE(32))],
    ["the byte order of another machine", (bytes) => bytes.writeUInt8(3, 28)],
    ["extensions beyond the file", (bytes) => bytes.writeUInt32LE(bytes.length - 4, 32)],
    ["extensions on an odd offset", (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(32) + 1, 32)],
    ["a section beyond the file", (bytes) => bytes.writeUInt32LE(0xffffff00, bytes.readUInt32LE(32) + 16)],
    ["endless sections", (bytes) => bytes.writeUInt32LE(0xffffffff, bytes.readUInt32LE(32) + 4)],
    ["another magic", (bytes) => bytes.write("X", 0)],
  ];

  test.each(spoil)("with %s is left out, and the driver's libraries are there", (_, act) => {
    const bad = Buffer.from(good);
    act(bad);
    const merged = merge(bad, [ours]);
    expect(merged.wasUnreadable).toBe(true);
    expect(read(merged.bytes).entries).toEqual([ours]);
  });

  test("of more than 16 MiB is left out", () => {
    const huge = Buffer.concat([good, Buffer.alloc(16 * 1024 * 1024)]);
    expect(merge(huge, [ours])).toEqual({ bytes: merge(undefined, [ours]).bytes, wasUnreadable: true });
  });

  test("with thousands of endless names is left out, and takes no time", () => {
    const count = 300_000;
    const many = Buffer.alloc(8 * 1024 * 1024, 0x30);
    good.subarray(0, 48).forEach((byte, at) => many.writeUInt8(byte, at));
    many.writeUInt32LE(count, 20);
    many.writeUInt32LE(many.length - 48 - count * 24, 24);
    many.writeUInt32LE(0, 32);
    const strings = 48 + count * 24;
    many.write("libcuda.so.", strings);
    many.write("1\0", many.length - 2);
    const words = new Uint32Array(many.buffer, many.byteOffset, many.length / 4);
    for (let at = 12; at < 12 + count * 6; at += 6) words.set([FLAGS, strings, strings, 0, 0, 0], at);
    const start = process.cpuUsage();
    expect(merge(many, [ours]).wasUnreadable).toBe(true);
    expect(secondsSince(start)).toBeLessThan(1);
  });

  test("never makes it throw, and what comes out can be read", () => {
    const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat(good.length), (changes, cut) => {
        const bytes = Buffer.from(good.subarray(0, changes.length === 0 ? cut : good.length));
        for (const [at, value] of changes) bytes[at] = value;
        const merged = merge(bytes, [ours], ["/lib/liba.so.1"]);
        expect(read(merged.bytes).entries.some((one) => one.path === ours.path)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("in no order at all keeps its entries, whatever is added and taken out", () => {
    const folders = fc.array(fc.nat(20), { maxLength: 20 });
    fc.assert(
      fc.property(folders, folders, folders, (old, added, gone) => {
        const list = [...new Set(old)].map((name) => entry(`/lib/${name}.so`));
        const shuffled = shuffle(formatLoaderCache(list), old);
        const add = added.map((name) => entry(`/drv/${name}.so`));
        const removed = new Set(gone.map((name) => `/lib/${name}.so`));
        const expected = [...list, ...add].map((one) => one.path).filter((path) => !removed.has(path));
        expect(paths(merge(shuffled, add, [...removed]).bytes).toSorted()).toEqual(expected.toSorted());
      }),
    );
  });

  test("with 16 MiB of entries takes seconds, not minutes, even when all of them go", () => {
    const count = 600_000;
    const many = Buffer.alloc(48 + count * 24 + 16);
    good.subarray(0, 48).forEach((byte, at) => many.writeUInt8(byte, at));
    many.writeUInt32LE(count, 20);
    many.writeUInt32LE(16, 24);
    many.writeUInt32LE(0, 32);
    many.write("/x", 48 + count * 24);
    const words = new Uint32Array(many.buffer, many.byteOffset, many.length / 4);
    for (let at = 12; at < 12 + count * 6; at += 6) words.fill(48 + count * 24, at + 1, at + 3);
    const start = process.cpuUsage();
    expect(merge(many, [ours]).wasUnreadable).toBe(false);
    expect(paths(merge(many, [ours], ["/x"]).bytes)).toEqual([ours.path]);
    expect(secondsSince(start)).toBeLessThan(2);
  });
});

/** Of a processor, not of the clock: how busy the machine is makes no difference. */
function secondsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function pieces(name: string): (string | number)[] {
  return (name.match(/\d+|\D/g) ?? []).map((piece) => (/\d/.test(piece) ? Number(piece) : piece));
}

function compareText(a: string, b: string): number {
  const left = pieces(a);
  const right = pieces(b);
  for (let at = 0; ; at++) {
    const x = left[at];
    const y = right[at];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? -1 : 1;
    if (typeof x !== typeof y) return typeof x === "number" ? 1 : -1;
    if (x !== y) return x < y ? -1 : 1;
  }
}

function bits(hwcap: bigint): number {
  return hwcap.toString(2).replaceAll("0", "").length;
}

function compareEntries(a: CacheEntry, b: CacheEntry): number {
  const byName = compareText(b.soname, a.soname) || b.flags - a.flags || bits(b.hwcap) - bits(a.hwcap);
  return byName || Number(b.hwcap > a.hwcap) - Number(b.hwcap < a.hwcap);
}

describe("the order", () => {
  const names = fc.string({
    unit: fc.constantFrom("a", "b", ".", "0", "1", "9", "-", "_"),
    minLength: 1,
    maxLength: 8,
  });
  const entries = fc.array(
    fc.record({
      soname: names.map((name) => `lib${name}`),
      path: fc.nat(999).map((folder) => `/${folder}/x`),
      flags: fc.constantFrom(loaderFlags("x86-64"), loaderFlags("i386")),
      osVersion: fc.constant(0),
      hwcap: fc.constantFrom(0n, 0n, 1n, 6n, 1n << 63n),
    }),
    { maxLength: 60 },
  );
  test("is names downwards, then flags, then hardware, and equal ones as they came", () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(read(formatLoaderCache(list)).entries).toEqual(list.toSorted(compareEntries));
      }),
    );
  });

  test("of a merge is that of a cache made with the new entries first", () => {
    fc.assert(
      fc.property(entries, entries, (old, added) => {
        const add = added.map((one) => ({ ...one, path: `/new${one.path}` }));
        const merged = merge(formatLoaderCache(old), add).bytes;
        expect(read(merged).entries).toEqual([...add, ...old].toSorted(compareEntries));
        expect(merge(merged, add).bytes).toEqual(merged);
        const without = merge(
          merged,
          [],
          add.map((one) => one.path),
        );
        expect(without.bytes).toEqual(formatLoaderCache(old));
      }),
    );
  });
});

/** A root with libraries that ldconfig has been over: `places` are paths below it. */
function makeRoot(name: string, places: readonly string[]): string {
  const root = join(base, name);
  const source = join(base, "x.c");
  writeFileSync(source, "int x(void) { return 1; }\n");
  mkdirSync(join(root, "etc"), { recursive: true });
  for (const place of places) {
    mkdirSync(join(root, dirname(place)), { recursive: true });
    const soname = place.slice(place.lastIndexOf("/") + 1);
    run(["gcc", "-shared", "-fPIC", "-nostdlib", `-Wl,-soname,${soname}`, "-o", join(root, place), source]);
  }
  return root;
}

const LEVEL = "glibc-hwcaps/x86-64-v2";

test.skipIf(!isX64)("ldconfig itself sorts libraries as formatLoaderCache does", () => {
  const names = ["liba.so.1", "liba.so.2", "liba.so.10", "liba.so", "lib0.so", "lib-x.so.01", "libx-1.so", "libA.so"];
  const root = makeRoot("sorted", [...names.map((name) => `lib/${name}`), `lib/${LEVEL}/liba.so.2`]);
  run(["/sbin/ldconfig", "-X", "-r", root]);
  const { entries, subfolders } = read(readFileSync(join(root, "etc/ld.so.cache")));
  expect(entries).toHaveLength(names.length + 1);
  const ours = formatLoaderCache(entries.toReversed(), { subfolders });
  expect(read(ours).entries).toEqual(entries);
  expect(printed(ours)).toEqual(entries.map(({ soname, path }) => [soname, path]));
});

test.skipIf(!isX64)("a cache behind one of the old format is read as what it holds", () => {
  const root = makeRoot("compat", ["lib/liba.so.1", `lib/${LEVEL}/liba.so.1`, "lib/libb.so.1"]);
  run(["/sbin/ldconfig", "-X", "-r", root]);
  const modern = read(readFileSync(join(root, "etc/ld.so.cache")));
  run(["/sbin/ldconfig", "-X", "-r", root, "-c", "compat"]);
  const bytes = readFileSync(join(root, "etc/ld.so.cache"));
  expect(bytes.toString("latin1", 0, 11)).toBe("ld.so-1.7.0");
  expect(read(bytes)).toEqual(modern);
  expect(modern.subfolders).toEqual(["x86-64-v2"]);
  expect(read(merge(bytes, []).bytes)).toEqual(modern);
});

test.skipIf(!isX64 || !isSuperuser)("the real loader finds what was there and what was added", () => {
  const libraries = ["opt/app/libfoo.so.1", `opt/app/${LEVEL}/libfoo.so.1`, "opt/app/libbar.so.1", "drv/libcuda.so.1"];
  const root = makeRoot("loader", libraries);
  mkdirSync(join(root, "lib64"));
  copyFileSync("/lib64/ld-linux-x86-64.so.2", join(root, "lib64/ld-linux-x86-64.so.2"));
  writeFileSync(join(root, "etc/ld.so.conf"), "/opt/app\n");
  const program = join(root, "program");
  const links = libraries.filter((path) => !path.includes("glibc-hwcaps")).map((path) => join(root, path));
  writeFileSync(join(base, "main.c"), "void _start(void) { for (;;) {} }\n");
  run(["gcc", "-nostdlib", "-Wl,--no-as-needed", "-o", program, join(base, "main.c"), ...links]);
  run(["/sbin/ldconfig", "-X", "-r", root]);
  const cache = join(root, "etc/ld.so.cache");
  const list = (): string => run(["chroot", root, "/lib64/ld-linux-x86-64.so.2", "--list", "/program"]);

  expect(list).toThrow("libcuda.so.1: cannot open shared object file");
  writeFileSync(cache, merge(readFileSync(cache), [entry("/drv/libcuda.so.1")]).bytes);
  const found = list();
  expect(found).toContain("libcuda.so.1 => /drv/libcuda.so.1");
  expect(found).toContain("libbar.so.1 => /opt/app/libbar.so.1");
  expect(found).toContain(`libfoo.so.1 => /opt/app/${LEVEL}/libfoo.so.1`);
});
