import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePrivateFolder } from "./index.ts";

const top = mkdtempSync(join(tmpdir(), "berth-private-"));
const uid = process.geteuid?.() ?? 0;
afterAll(() => rmSync(top, { recursive: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test("the folder is the user's alone, the folders above it are open, even with an umask of 0", () => {
  const umask = process.umask(0);
  try {
    makePrivateFolder(join(top, "run/berth"), uid);
  } finally {
    process.umask(umask);
  }
  expect([modeOf(join(top, "run")), modeOf(join(top, "run/berth"))]).toEqual([0o755, 0o700]);
});

test("a folder that others can read is closed to them", () => {
  const open = join(top, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  makePrivateFolder(open, uid);
  expect(modeOf(open)).toBe(0o700);
});

test("a link, a file and somebody else's folder are refused", () => {
  mkdirSync(join(top, "target"), { mode: 0o755 });
  symlinkSync("target", join(top, "link"));
  writeFileSync(join(top, "file"), "");
  const refused = expect.objectContaining({ code: "EPERM" });
  expect(() => makePrivateFolder(join(top, "link"), uid)).toThrow(refused);
  expect(() => makePrivateFolder(join(top, "file"), uid)).toThrow(refused);
  expect(() => makePrivateFolder(join(top, "target"), uid + 1)).toThrow(refused);
  expect(modeOf(join(top, "target"))).toBe(0o755);
});
