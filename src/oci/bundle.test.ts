import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { formatJson, MAX_JSON_BYTES, runProgram } from "../base/index.ts";
import { readBundle, rootfsPath } from "./index.ts";

const top = mkdtempSync(join(tmpdir(), "berth-bundle-"));
let dir = top;
let config = "";

beforeEach(() => {
  dir = mkdtempSync(join(top, "case-"));
  config = join(dir, "config.json");
});
afterAll(() => rmSync(top, { recursive: true }));

function refusal(code: string, part: string): object {
  const matcher: object = expect.objectContaining({
    code,
    message: expect.stringContaining(part),
    remedy: expect.stringMatching(/./),
  });
  return matcher;
}

test("a bundle is read with its bytes, its absolute folder and its spec", () => {
  const text = '{"ociVersion":"1.2.0","x":18446744073709551615}\n';
  writeFileSync(config, text);
  const bundle = readBundle(relative(process.cwd(), dir));
  expect([bundle.dir, bundle.configPath, Buffer.from(bundle.bytes).toString()]).toEqual([dir, config, text]);
  expect(formatJson(bundle.spec)).toBe(text.trimEnd());
});

test("a spec of several hundred kilobytes is read whole", () => {
  const text = formatJson({
    process: { env: Array.from({ length: 9000 }, (_, index) => `VARIABLE_NUMBER_${index}=${"v".repeat(40)}`) },
  });
  writeFileSync(config, text);
  expect(formatJson(readBundle(dir).spec)).toBe(text);
});

test("without a name the bundle is the current folder", () => {
  expect(() => readBundle("")).toThrow(refusal("BERTH-S001", `"${join(process.cwd(), "config.json")}"`));
});

test("a bundle that is not there says which file is missing and what to do", () => {
  expect(() => readBundle(join(dir, "none"))).toThrow(
    refusal("BERTH-S001", `"${join(dir, "none/config.json")}": there is no`),
  );
  expect(() => readBundle(dir)).toThrow(expect.objectContaining({ remedy: expect.stringContaining("--bundle") }));
});

test("a link is not followed, and a folder or a pipe is not waited for", () => {
  writeFileSync(join(dir, "target"), "{}");
  symlinkSync("target", config);
  expect(() => readBundle(dir)).toThrow(refusal("BERTH-S001", "symbolic link"));
  rmSync(config);
  mkdirSync(config);
  expect(() => readBundle(dir)).toThrow(refusal("BERTH-S001", "not a regular file"));
  rmSync(config, { recursive: true });
  runProgram(["mkfifo", config]);
  expect(() => readBundle(dir)).toThrow(refusal("BERTH-S001", "not a regular file"));
});

test("a file of gigabytes is refused without being read", () => {
  writeFileSync(config, "{}");
  truncateSync(config, 8 * 1024 * 1024 * 1024);
  expect(() => readBundle(dir)).toThrow(refusal("BERTH-S004", `"${config}"`));
  truncateSync(config, MAX_JSON_BYTES);
  expect(() => readBundle(dir)).toThrow(refusal("BERTH-S002", "line 1, column 3"));
});

test.each([
  ["{", "BERTH-S002", "line 1, column 2"],
  ['{"process":{},"process":{}}', "BERTH-S003", '"process"'],
  ['{"root":{},"Root":{}}', "BERTH-S003", '"Root"'],
  [`{"a":${"[".repeat(64)}${"]".repeat(64)}}`, "BERTH-S004", "64 levels"],
  ["[]", "BERTH-S005", "its top level must be an object, but is a list"],
  ["1.0", "BERTH-S005", "its top level must be an object, but is the number 1.0"],
])("%s is refused with %s", (text, code, part) => {
  writeFileSync(config, text);
  expect(() => readBundle(dir)).toThrow(refusal(code, part));
});

test.each([
  ["rootfs", "rootfs"],
  ["./a/../b/", "b"],
])("the root file system %s is taken from the bundle's folder", (path, expected) => {
  writeFileSync(config, formatJson({ root: { path } }));
  expect(rootfsPath(readBundle(dir))).toBe(join(dir, expected));
});

test("an absolute root file system is taken as it is", () => {
  writeFileSync(config, '{"root":{"path":"/var/lib/x/merged"}}');
  expect(rootfsPath(readBundle(dir))).toBe("/var/lib/x/merged");
});

test.each([
  ["{}", '"/root/path" must be the path of a folder, but is missing'],
  ['{"root":null}', '"/root/path"'],
  ['{"root":{"path":""}}', '"/root/path"'],
  ['{"root":{"path":7}}', '"/root/path" must be text, but is the number 7'],
  ['{"root":"rootfs"}', '"/root" must be an object, but is text'],
  ['{"Root":{"path":"rootfs"}}', '"/Root" must be spelled "root"'],
  ['{"__proto__":{"root":{"path":"/"}}}', '"/root/path"'],
])("a spec without a usable root is refused: %s", (text, part) => {
  writeFileSync(config, text);
  expect(() => rootfsPath(readBundle(dir))).toThrow(refusal("BERTH-S005", part));
});
