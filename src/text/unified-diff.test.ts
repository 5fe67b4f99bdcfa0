import { expect, test } from "bun:test";
import { array, assert, boolean, constantFrom, property, tuple } from "fast-check";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../base/index.ts";
import { unifiedDiff } from "./unified-diff.ts";

test("unifiedDiff shows a change with three lines around it, as diff -u does", () => {
  const before = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map((line) => `${line}\n`).join("");
  const after = before.replace("e\n", "E\nnew\n");
  expect(unifiedDiff("/etc/x", { before, after })).toBe(
    "--- /etc/x\n+++ /etc/x\n@@ -2,7 +2,8 @@\n b\n c\n d\n-e\n+E\n+new\n f\n g\n h\n",
  );
});

test("unifiedDiff shows a new file, a removed one, and a last line without its end", () => {
  expect(unifiedDiff("/etc/x", { before: undefined, after: "a\nb" })).toBe(
    "--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n",
  );
  expect(unifiedDiff("/etc/x", { before: "a\n", after: undefined })).toBe(
    "--- /etc/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
  );
  expect(unifiedDiff("/etc/x", { before: "a\n", after: "a\n" })).toBe("");
});

test("unifiedDiff passes each line through the caller's escaping, but for tabs", () => {
  const escape = (text: string): string => text.replaceAll("\u001b", "ESC");
  expect(unifiedDiff("x", { before: "", after: "\t\u001b[2J\n" }, escape)).toEndWith("+\tESC[2J\n");
});

test("patch makes the second text of the first with what unifiedDiff says, whatever they are", () => {
  const patch = Bun.which("patch");
  if (patch === null) return;
  const folder = mkdtempSync(join(tmpdir(), "berth-diff-"));
  const line = constantFrom("a", "b", "c", "", "x y");
  const text = tuple(array(line, { maxLength: 14 }), boolean()).map(
    ([lines, hasEnd]) => lines.join("\n") + (hasEnd ? "\n" : ""),
  );
  const holds = property(text, text, (before, after) => {
    writeFileSync(join(folder, "x"), before);
    const stdin = unifiedDiff("x", { before, after });
    if (stdin !== "") expect(runProgram([patch, "--silent", "-p0", "x"], { cwd: folder, stdin }).exitCode).toBe(0);
    return (after === "" ? "" : readFileSync(join(folder, "x"), "utf8")) === after;
  });
  assert(holds, { numRuns: 25 });
  rmSync(folder, { recursive: true, force: true });
});
