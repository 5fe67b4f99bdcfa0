import { afterAll, describe, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readInput } from "./hook-process.ts";

const work = mkdtempSync(join(tmpdir(), "berth-hook-process-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Calls `use` with a pipe that has these bytes and no end, opened with `flags`. */
function withPipe(text: string, flags: number, use: (fd: number) => void): void {
  const path = join(work, `pipe-${flags}-${text.length}`);
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const fd = openSync(path, constants.O_RDWR | flags);
  try {
    writeSync(fd, text);
    use(fd);
  } finally {
    closeSync(fd);
  }
}

describe("readInput", () => {
  test("reads a file to its end", () => {
    const path = join(work, "file");
    writeFileSync(path, "x".repeat(200_000));
    const fd = openSync(path, "r");
    expect(readInput(fd, 200_000, 1000)).toHaveLength(200_000);
    closeSync(fd);
  });

  test("refuses what is larger than it may be", () => {
    const fd = openSync("/dev/zero", "r");
    expect(() => readInput(fd, 100_000, 1000)).toThrow("more than 100000 bytes");
    closeSync(fd);
  });

  test.each([0, constants.O_NONBLOCK])("does not wait for ever for a pipe that nobody ends (flags %d)", (flags) => {
    for (const text of ["", "{"])
      withPipe(text, flags, (fd) => expect(() => readInput(fd, 100, 30)).toThrow("nothing came for 30 ms"));
  });
});
