import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trialFolder } from "./clear-up.ts";

const work = mkdtempSync(join(tmpdir(), "berth-clear-up-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

test("trials have their files in a folder of this user alone, and no link gives its mode to another folder", () => {
  const parent = join(work, "var/lib/berth/selftest");
  expect([trialFolder(parent), statSync(parent).mode & 0o777]).toEqual([parent, 0o711]);
  const other = join(work, "other");
  mkdirSync(other, { mode: 0o700 });
  symlinkSync(other, join(work, "link"));
  expect(() => trialFolder(join(work, "link"))).toThrow(expect.objectContaining({ code: "EPERM" }));
  expect(statSync(other).mode & 0o777).toBe(0o700);
});
