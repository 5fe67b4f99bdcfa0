import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errnoCode, replaceFile, runProgram } from "./index.ts";

const isRoot = process.geteuid?.() === 0;
const top = mkdtempSync(join(tmpdir(), "berth-replace-"));
let folder = top;
let file = "";

beforeEach(() => {
  folder = mkdtempSync(join(top, "case-"));
  file = join(folder, "config.json");
});
afterAll(() => rmSync(top, { recursive: true }));

function codeOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return errnoCode(error);
  }
}

const text = (path: string): string => readFileSync(path, "utf8");
const modeOf = (path: string): number => statSync(path).mode & 0o7777;

test("the new content is there, and no other file", () => {
  writeFileSync(file, "old");
  replaceFile(file, "new ✓");
  expect(text(file)).toBe("new ✓");
  replaceFile(file, Uint8Array.from([0, 255]));
  expect([...readFileSync(file)]).toEqual([0, 255]);
  expect(readdirSync(folder)).toEqual(["config.json"]);
});

test("what a killed process left of the same file is taken away, and nothing else", () => {
  for (const name of [".config.json.999999999", ".config.json.1", ".other.999999999"])
    writeFileSync(join(folder, name), "");
  replaceFile(file, "new");
  expect(readdirSync(folder).toSorted()).toEqual([".config.json.1", ".other.999999999", "config.json"]);
});

test("whoever has the old file open goes on reading the old content", () => {
  writeFileSync(file, "old");
  linkSync(file, join(folder, "other-name"));
  replaceFile(file, "new");
  expect(text(join(folder, "other-name"))).toBe("old");
});

test("a file that was not there gets 0644 or the mode asked for, whatever the umask", () => {
  const umask = process.umask(0o077);
  try {
    replaceFile(file, "x");
    replaceFile(join(folder, "secret"), "x", { mode: 0o600 });
  } finally {
    process.umask(umask);
  }
  expect([modeOf(file), modeOf(join(folder, "secret"))]).toEqual([0o644, 0o600]);
});

test("the mode of the old file stays, and counts more than the one asked for", () => {
  writeFileSync(file, "old");
  chmodSync(file, 0o640);
  replaceFile(file, "new", { mode: 0o600 });
  expect(modeOf(file)).toBe(0o640);
});

test.skipIf(!isRoot)("the owner of the old file stays (needs root)", () => {
  writeFileSync(file, "old");
  chownSync(file, 1234, 2345);
  chmodSync(file, 0o4750);
  replaceFile(file, "new");
  expect(statSync(file)).toMatchObject({ uid: 1234, gid: 2345 });
  expect(modeOf(file)).toBe(0o4750);
});

test("a link is refused, and neither it nor its target changes", () => {
  writeFileSync(join(folder, "target"), "old");
  symlinkSync("target", file);
  expect(codeOf(() => replaceFile(file, "new"))).toBe("ELOOP");
  expect([text(join(folder, "target")), readlinkSync(file)]).toEqual(["old", "target"]);
  expect(readdirSync(folder).toSorted()).toEqual(["config.json", "target"]);
});

test("with followLink the file that the link names is replaced, and the link stays", () => {
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "sub/target"), "old");
  symlinkSync("sub/target", file);
  replaceFile(file, "new", { followLink: true });
  expect([text(join(folder, "sub/target")), readlinkSync(file)]).toEqual(["new", "sub/target"]);
  expect(readdirSync(join(folder, "sub"))).toEqual(["target"]);
});

test.if(process.geteuid?.() === 0)("with followLink another user's link in a folder like /tmp is refused", () => {
  const shared = join(folder, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  writeFileSync(join(folder, "target"), "old");
  symlinkSync(join(folder, "target"), join(shared, "link"));
  symlinkSync(join(shared, "link"), join(shared, "own"));
  replaceFile(join(shared, "own"), "new", { followLink: true });
  lchownSync(join(shared, "link"), 1000, 1000);
  for (const name of ["link", "own"])
    expect(codeOf(() => replaceFile(join(shared, name), "bad", { followLink: true }))).toBe("EACCES");
  expect(text(join(folder, "target"))).toBe("new");
});

test("with followLink a link that leads nowhere is an error, and a missing file is made", () => {
  symlinkSync("nowhere", file);
  expect(codeOf(() => replaceFile(file, "new", { followLink: true }))).toBe("ENOENT");
  replaceFile(join(folder, "made"), "x", { followLink: true });
  expect(readdirSync(folder).toSorted()).toEqual(["config.json", "made"]);
});

test("what is no regular file is never replaced", () => {
  mkdirSync(file);
  runProgram(["mkfifo", join(folder, "fifo")]);
  expect(codeOf(() => replaceFile(file, "x"))).toBe("EINVAL");
  expect(codeOf(() => replaceFile(join(folder, "fifo"), "x"))).toBe("EINVAL");
  expect(lstatSync(join(folder, "fifo")).isFIFO()).toBe(true);
  expect(readdirSync(folder).toSorted()).toEqual(["config.json", "fifo"]);
});

test("a folder that is not there is an error", () => {
  expect(codeOf(() => replaceFile(join(folder, "none/file"), "x"))).toBe("ENOENT");
});

test("a name as long as names can be is replaced", () => {
  const long = join(folder, "n".repeat(255));
  replaceFile(long, "x");
  expect(text(long)).toBe("x");
});

test.skipIf(!isRoot)("on a full disk the old file stays and nothing is left behind (needs root)", () => {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = runProgram(["mount", "-t", "tmpfs", "-o", "size=64k", "berth-test", disk]);
  expect(mounted.exitCode).toBe(0);
  try {
    const full = join(disk, "config.json");
    writeFileSync(full, "old");
    expect(codeOf(() => replaceFile(full, "x".repeat(1024 * 1024)))).toBe("ENOSPC");
    expect([text(full), readdirSync(disk)]).toEqual(["old", ["config.json"]]);
  } finally {
    runProgram(["umount", disk]);
  }
});
