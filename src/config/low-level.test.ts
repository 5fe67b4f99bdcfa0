import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLowLevel, rememberLowLevel } from "./low-level.ts";

const isRoot = process.getuid?.() === 0;

function workFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "berth-low-level-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** An executable file of ours. */
function program(path: string, mode = 0o755): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, mode);
  return path;
}

const NAMES = ["berth-test-runc", "berth-test-crun"];

test("the first candidate wins, then the first folder of PATH; what is not executable or a folder is passed over", () => {
  using work = workFolder();
  const [a, b] = [join(work.path, "a"), join(work.path, "b")];
  program(join(a, "berth-test-crun"));
  program(join(a, "berth-test-runc"), 0o644);
  mkdirSync(join(b, "x/berth-test-runc"), { recursive: true });
  const expected = program(join(b, "berth-test-runc"));
  const lookup = { candidates: NAMES, path: `relative:${a}:${b}/x::${b}`, self: "/none" };
  expect(findLowLevel(lookup)).toBe(expected);
  expect(findLowLevel({ ...lookup, path: a })).toBe(join(a, "berth-test-crun"));
});

test("an absolute path needs no PATH", () => {
  using work = workFolder();
  const expected = program(join(work.path, "runc"));
  expect(findLowLevel({ candidates: ["/nowhere/runc", expected], path: undefined, self: "/none" })).toBe(expected);
});

test.each([[[]], [NAMES]])("no runtime at all is said with what was looked for: %p", (candidates) => {
  const run = () => findLowLevel({ candidates, path: "/nowhere", self: "/none" });
  expect(run).toThrow(
    expect.objectContaining({ code: "BERTH-L001", message: expect.stringContaining(candidates[0] ?? "names none") }),
  );
});

function unsafe(part: string): { asymmetricMatch(other: unknown): boolean } {
  return expect.objectContaining({ code: "BERTH-L002", message: expect.stringContaining(part) });
}

test("a file that others can write is passed over in PATH", () => {
  using work = workFolder();
  program(join(work.path, "bad/berth-test-runc"), 0o777);
  const good = program(join(work.path, "good/berth-test-runc"));
  const path = `${work.path}/bad:${work.path}/good`;
  expect(findLowLevel({ candidates: NAMES, path, self: "/none" })).toBe(good);
  const run = () => findLowLevel({ candidates: NAMES, path: `${work.path}/bad`, self: "/none" });
  expect(run).toThrow(unsafe("written by others"));
});

test("a runtime that is named by its path is never exchanged for another one", () => {
  using work = workFolder();
  const bad = program(join(work.path, "bad"), 0o777);
  const good = program(join(work.path, "good"));
  expect(() => findLowLevel({ candidates: [bad, good], path: "", self: "/none" })).toThrow(unsafe("written by others"));
  expect(findLowLevel({ candidates: [join(work.path, "missing"), good], path: "", self: "/none" })).toBe(good);
});

test("a file in a folder that others can write is not started, through a link neither", () => {
  using work = workFolder();
  const file = program(join(work.path, "open/runc"));
  chmodSync(join(work.path, "open"), 0o777);
  symlinkSync(file, join(work.path, "link"));
  for (const candidate of [file, join(work.path, "link")]) {
    const run = () => findLowLevel({ candidates: [candidate], path: "", self: "/none" });
    expect(run).toThrow(unsafe(`is in "${work.path}/open", which can be written by others`));
  }
});

test.skipIf(!isRoot)("another user's file is not started", () => {
  using work = workFolder();
  const bad = program(join(work.path, "bad"));
  chownSync(bad, 1234, 0);
  expect(() => findLowLevel({ candidates: [bad], path: "", self: "/none" })).toThrow(
    expect.objectContaining({ code: "BERTH-L002" }),
  );
});

test("berth never starts itself: not by a link, and not its launcher under another name", () => {
  using work = workFolder();
  const self = program(join(work.path, "berth"));
  symlinkSync(self, join(work.path, "runc"));
  const launcher = program(join(work.path, "crun"));
  writeFileSync(launcher, "\x7fELF BERTH-SLOT-EXECUTABLE-01");
  const run = () => findLowLevel({ candidates: ["runc", "crun"], path: work.path, self });
  // A real runtime may be in the folders behind PATH: what counts is that neither of the two is taken.
  let found: string | undefined;
  try {
    found = run();
  } catch (error) {
    expect(error).toMatchObject({ code: "BERTH-L002" });
  }
  expect([join(work.path, "runc"), launcher]).not.toContain(found ?? "");
});

test("the note for the launcher is private, and is not written again when nothing changed", () => {
  using work = workFolder();
  const state = join(work.path, "state");
  const lookup = {
    executable: "/nowhere/berth",
    config: "/nowhere/config.toml",
    search: "/bin",
    runtime: "/usr/bin/runc",
    signs: undefined,
  };
  rememberLowLevel(state, lookup);
  const { ino, mode } = statSync(join(state, "low-level"));
  expect(readFileSync(join(state, "low-level"), "utf8")).toBe("2\n-\n-\n/bin\n/usr/bin/runc\n*\n");
  expect(mode & 0o777).toBe(0o600);
  rememberLowLevel(state, lookup);
  expect(statSync(join(state, "low-level")).ino).toBe(ino);
  rememberLowLevel(state, { ...lookup, search: "/sbin" });
  expect(readFileSync(join(state, "low-level"), "utf8")).toContain("/sbin");
});
