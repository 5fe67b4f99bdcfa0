import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseCsv } from "./csv.ts";

describe("parseCsv", () => {
  test.each([
    ["dev, /dev/nvmap", "dev", "/dev/nvmap"],
    ["dir, /lib/firmware/tegra23x", "dir", "/lib/firmware/tegra23x"],
    ["dir, /lib/firmware/tegra23x/", "dir", "/lib/firmware/tegra23x"],
    ["lib, /usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1.1", "lib", "/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1.1"],
    ["sym,/usr/lib//libcuda.so", "sym", "/usr/lib/libcuda.so"],
    ["  lib ,\t/usr/lib/libnv*.so \r", "lib", "/usr/lib/libnv*.so"],
    ["lib, /usr/lib/a,b.so", "lib", "/usr/lib/a,b.so"],
  ] as const)("reads %p", (line, type, path) => {
    expect(parseCsv(`\n${line}\n`)).toEqual({ entries: [{ type, path, line: 2 }], faults: [] });
  });

  test.each([
    ["/dev/nvmap", "no comma"],
    ["# dev", "no comma"],
    ["device, /dev/nvmap", "none of dev, dir, lib, sym"],
    ["DEV, /dev/nvmap", "none of dev, dir, lib, sym"],
    [", /dev/nvmap", "none of dev, dir, lib, sym"],
    ["dev,", "not absolute"],
    ["dev, dev/nvmap", "not absolute"],
    ["dir, /", "all of the machine"],
    ["dir, //", "all of the machine"],
    ["lib, /usr/../etc/shadow", `a part ".."`],
    ["lib, /usr/./lib", `a part ".."`],
    ["lib, /usr/lib/a\u0007b", "control character"],
    [`lib, /${"x".repeat(4096)}`, "too long"],
  ])("passes over %p, saying which line and why", (line, why) => {
    const { entries, faults } = parseCsv(`dev, /dev/one\n\n${line}\ndev, /dev/two\n`);
    expect(entries.map(({ path }) => path)).toEqual(["/dev/one", "/dev/two"]);
    expect(faults).toEqual([{ line: 3, why: expect.stringContaining(why) }]);
  });

  test("stops at too many lines", () => {
    const { entries, faults } = parseCsv("dev, /dev/a\n".repeat(30_000));
    expect(entries).toHaveLength(20_000);
    expect(faults).toHaveLength(1);
  });

  test("gives only absolute paths without parts that lead up, whatever the text is", () => {
    const part = fc.constantFrom("dev", "lib", ",", "/", "..", ".", " ", "\n", "\r", "\0", "a", "*");
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        for (const { path } of parseCsv(parts.join("")).entries) {
          expect(path).toMatch(/^(?:\/(?!\.{1,2}(?:\/|$))[^/\p{Cc}]+)+$/u);
        }
      }),
    );
  });
});
