import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../../base/index.ts";
import { GLIBC_LOADER } from "../../linux/index.ts";
import { findBrought, tarOf, trialTree, writeTree } from "./tree.ts";

const work = mkdtempSync(join(tmpdir(), "berth-trial-tree-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Kind, mode, size and name of everything in a folder. */
function list(folder: string): string {
  const { stdout } = runProgram(["find", folder, "-mindepth", "1", "-printf", "%y %m %P\n"]);
  return Buffer.from(stdout).toString().split("\n").toSorted().join("\n");
}

const isRoot = process.geteuid?.() === 0;

test.skipIf(!isRoot)(
  "a program of this machine runs in the trial's root file system, with nothing else in it (needs root)",
  () => {
    const root = join(work, "root");
    writeTree(root, trialTree(findBrought()));
    writeFileSync(join(root, "true"), readFileSync("/bin/true"), { mode: 0o755 });
    expect(runProgram(["chroot", root, "/true"]).exitCode).toBe(0);
  },
);

test("the archive unpacks into the very same files as are written, whoever unpacks it", () => {
  const tree = trialTree(findBrought());
  const [written, unpacked] = [join(work, "written"), join(work, "unpacked")];
  writeTree(written, tree);
  mkdirSync(unpacked);
  const { exitCode, stderr } = runProgram(["tar", "-C", unpacked, "-xpf", "-"], { stdin: tarOf(tree) });
  expect({ exitCode, stderr: Buffer.from(stderr).toString() }).toEqual({ exitCode: 0, stderr: "" });
  expect(list(unpacked)).toBe(list(written));
  expect(list(unpacked)).toContain("d 1777 tmp");
  const loader = readFileSync(join(unpacked, GLIBC_LOADER));
  expect(loader.equals(readFileSync(join(written, GLIBC_LOADER)))).toBe(true);
  expect(statSync(join(unpacked, GLIBC_LOADER)).mode & 0o777).toBe(0o755);
});

test("a path that does not fit into an archive is refused, and nothing is cut off", () => {
  expect(() => tarOf([{ kind: "text", path: `/${"a".repeat(99)}`, text: "" }])).toThrow(RangeError);
});
