import { describe, expect, test } from "bun:test";
import { closeSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { makeNewFolder, makeTmpfs, readMountTable, writeNewFile } from "./index.ts";

/** What is in a tmpfs: mode and content of each, by its path. */
function treeOf(fd: number, below = ""): Record<string, string> {
  const folder = `/proc/self/fd/${fd}${below}`;
  return Object.assign(
    {},
    ...readdirSync(folder).map((name) => {
      const stat = lstatSync(`${folder}/${name}`);
      const mode = (stat.mode & 0o7777).toString(8);
      const path = `${below}/${name}`;
      if (stat.isDirectory()) return { [path]: mode, ...treeOf(fd, path) };
      return { [path]: `${mode} ${readFileSync(`${folder}/${name}`, "utf8")}` };
    }),
  );
}

function withTmpfs<T>(mode: number, work: (fd: number) => T): T {
  const fd = makeTmpfs(mode);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(process.geteuid?.() !== 0)("a tmpfs that lies nowhere (needs root)", () => {
  test("makeTmpfs makes one with that mode, and nothing is mounted", () => {
    const before = readMountTable().length;
    const modes = [0o555, 0o755, 0o700].map((mode) => {
      return withTmpfs(mode, (fd) => [
        lstatSync(`/proc/self/fd/${fd}/.`).mode & 0o7777,
        readMountTable().length - before,
      ]);
    });
    expect(modes).toEqual([
      [0o555, 0],
      [0o755, 0],
      [0o700, 0],
    ]);
  });

  test("writeNewFile and makeNewFolder make what is above them, for all to read, whatever the umask", () => {
    const umask = process.umask(0o077);
    try {
      const tree = withTmpfs(0o555, (fd) => {
        writeNewFile(fd, "params", Buffer.from("p"));
        writeNewFile(fd, "a/b/c", Buffer.from("deep"));
        writeNewFile(fd, "a/b/d", new Uint8Array());
        makeNewFolder(fd, "gpus/0000:01:00.0");
        makeNewFolder(fd, "gpus/0000:02:00.0");
        return treeOf(fd);
      });
      expect(tree).toEqual({
        "/params": "444 p",
        "/a": "755",
        "/a/b": "755",
        "/a/b/c": "444 deep",
        "/a/b/d": "444 ",
        "/gpus": "755",
        "/gpus/0000:01:00.0": "755",
        "/gpus/0000:02:00.0": "755",
      });
    } finally {
      process.umask(umask);
    }
  });

  test("writeNewFile replaces nothing, and follows no link", () => {
    const codes = withTmpfs(0o755, (fd) => {
      mkdirSync(`/proc/self/fd/${fd}/a`);
      symlinkSync(tmpdir(), `/proc/self/fd/${fd}/out`);
      symlinkSync("a", `/proc/self/fd/${fd}/in`);
      writeNewFile(fd, "a/file", Buffer.from("x"));
      return ["a/file", "a", "out/berth-escaped", "in/file2", "a/file/below"].map((path) => {
        try {
          writeNewFile(fd, path, Buffer.from("y"));
          return undefined;
        } catch (error) {
          return error instanceof Error && "code" in error ? error.code : error;
        }
      });
    });
    expect(codes).toEqual(["EEXIST", "EEXIST", "ENOTDIR", "ENOTDIR", "ENOTDIR"]);
    expect(readdirSync(tmpdir())).not.toContain("berth-escaped");
  });
});
