import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCharMajors, readBootId, readBounded, readText, splitDeviceNumber } from "./proc.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-proc-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("parseCharMajors reads the majors of character devices only", () => {
  const text =
    "Character devices:\n  1 mem\n195 nvidia-frontend\n234 nvidia-caps\n\nBlock devices:\n  7 loop\n259 blkext\n";
  expect([...parseCharMajors(text)]).toEqual([
    ["mem", 1],
    ["nvidia-frontend", 195],
    ["nvidia-caps", 234],
  ]);
});

test("parseCharMajors takes the first major of a name and passes over lines it does not understand", () => {
  expect([...parseCharMajors("  4 tty\n  5 tty\nfoo\n0x7 hex\n-1 minus\n")]).toEqual([["tty", 4]]);
});

test("readBootId is the running kernel's UUID", () => {
  expect(readBootId()).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
});

test("readText reads procfs, where files have no size", () => {
  expect(readText("/proc/devices", 65_536)).toContain("Character devices:");
});

test.each([0, 1, 4095, 4096, 4097, 20_000])(
  "readBounded reads a file of %d bytes whole when the bound allows it",
  (size) => {
    const path = join(folder, `file-${size}`);
    const content = Buffer.alloc(size, "x");
    writeFileSync(path, content);
    expect(Buffer.from(readBounded(path, size) ?? "none").equals(content)).toBe(true);
    if (size > 0) expect(() => readBounded(path, size - 1)).toThrow(`it holds more than ${size - 1} bytes`);
  },
);

test("readBounded refuses a sparse file of many gigabytes at once", () => {
  const path = join(folder, "huge");
  writeFileSync(path, "");
  truncateSync(path, 10 * 2 ** 30);
  expect(() => readBounded(path, 65_536)).toThrow("it holds more than 65536 bytes");
});

test("readBounded says undefined for what does not exist and refuses what is no regular file", () => {
  mkdirSync(join(folder, "folder"));
  expect(Bun.spawnSync(["mkfifo", join(folder, "fifo")]).exitCode).toBe(0);
  expect(readBounded(join(folder, "none"), 10)).toBeUndefined();
  expect(readBounded("/proc/devices/none", 10)).toBeUndefined();
  for (const name of ["fifo", "folder"]) {
    expect(() => readBounded(join(folder, name), 10)).toThrow("it is not a regular file");
  }
});

test("splitDeviceNumber splits what stat says of /dev/null, and large minors", () => {
  expect(splitDeviceNumber(statSync("/dev/null").rdev)).toEqual({ major: 1, minor: 3 });
  expect(splitDeviceNumber(0x1230_c345)).toEqual({ major: 195, minor: 0x1_2345 });
  expect(splitDeviceNumber(0xfff0_c3ff)).toEqual({ major: 195, minor: 0xf_ffff });
});
