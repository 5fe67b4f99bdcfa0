import { afterAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runProgram } from "../base/index.ts";
import { loadConfig } from "./index.ts";
import { configFolder, messageOf } from "./load-config.test-helper.ts";

const files = configFolder();
const { folder, path, load, write } = files;
afterAll(() => files[Symbol.dispose]());

const NOTHING = new Map<string, string>();

test("a file that is not there and an empty one both mean the defaults", () => {
  const missing = loadConfig(NOTHING, join(folder, "missing.toml"));
  expect(missing.path).toBeUndefined();
  expect(load("")).toEqual({ ...missing, path });
});

test("a path through a file is one to no file", () => {
  write("", join(folder, "file"));
  expect(loadConfig(NOTHING, join(folder, "file/config.toml")).path).toBeUndefined();
});

test("a file that is required must be there", () => {
  const missing = join(folder, "missing.toml");
  expect(() => loadConfig(NOTHING, missing, { isRequired: true })).toThrow(
    expect.objectContaining({
      code: "BERTH-C001",
      message: `Cannot read the configuration "${missing}": it does not exist`,
    }),
  );
  expect(loadConfig(NOTHING, write(""), { isRequired: true }).path).toBe(path);
});

/** Four places, each with a file that says which one it is. */
const slot = write("[berth]\nroot = '/slot'", join(folder, "slot.toml"));
const named = write("[berth]\nroot = '/named'", join(folder, "named.toml"));
write("[berth]\nroot = '/xdg'", join(folder, "xdg/nvidia-container-runtime/config.toml"));
const XDG = { XDG_CONFIG_HOME: join(folder, "xdg") };
const NAMED = { NVIDIA_CTK_CONFIG_FILE_PATH: named };

test.each([
  ["the launcher's, before any variable", { ...NAMED, ...XDG }, slot, "/slot"],
  ["the one that NVIDIA_CTK_CONFIG_FILE_PATH names, before XDG_CONFIG_HOME", { ...NAMED, ...XDG }, undefined, "/named"],
  ["the one in XDG_CONFIG_HOME instead of /etc", XDG, undefined, "/xdg"],
  ["not looked for where a variable is empty", { NVIDIA_CTK_CONFIG_FILE_PATH: "", ...XDG }, "", "/xdg"],
  [
    "one place, no search: a named file that is missing means the defaults",
    { NVIDIA_CTK_CONFIG_FILE_PATH: "/nowhere", ...XDG },
    undefined,
    "/",
  ],
])("the file is %s", (_rule, env, launcher, root) => {
  expect(loadConfig(new Map(Object.entries(env)), launcher).root).toBe(root);
});

test.each([
  ["[berth", "line 1, column 7: Expected ']' to close a table header but found end of file"],
  ["a = 1\na = 2", "line 2, column 1: Cannot redefine key 'a'"],
  ["# é\r\nx = tru\r\n", `line 2, column 5: Strings must be quoted: "tru"`],
  ["x = 99999999999999999999", "line 1, column 5: Integer is outside the 64-bit signed range"],
])("%j does not parse, and the error says where and why", (text, fault) => {
  const message = `Cannot read the configuration "${path}", ${fault}`;
  expect(() => load(text)).toThrow(expect.objectContaining({ code: "BERTH-C001", message }));
});

test("a file that begins with a byte order mark is read", () => {
  expect(load("\uFEFFdisable-require = true").disableRequire).toBe(true);
  expect(messageOf(() => load("\uFEFFdisable-require = 1"))).toContain(`", line 1, column 19: "disable-require"`);
});

test("a file with CR LF and other scripts is read, and its mistakes have their right place", () => {
  const text = "# Größe 😀\r\n[berth]\r\nroot = '/é'\r\n[features]\r\nallow-ldconfig-from-container = 1\r\n";
  expect(messageOf(() => load(text))).toContain(`", line 5, column 33: "features.allow-ldconfig-from-container"`);
  expect(load(text.replace("= 1", "= true"))).toMatchObject({ root: "/é", warnings: [] });
});

test("a configuration that is no regular file, no UTF-8 or too large is refused, and never waited for", () => {
  mkdirSync(join(folder, "dir.toml"));
  runProgram(["mkfifo", join(folder, "fifo.toml")]);
  write(Buffer.from([0x23, 0xe9]), join(folder, "latin.toml"));
  write("#".repeat(1024 * 1024 + 1), join(folder, "large.toml"));
  for (const name of ["dir.toml", "fifo.toml", "latin.toml", "large.toml"]) {
    const run = () => loadConfig(NOTHING, join(folder, name));
    expect(run).toThrow(expect.objectContaining({ code: "BERTH-C001", message: expect.stringContaining(name) }));
  }
});

test("a program whose name says the mode has it in place of the file's, and the file's has to be one all the same", () => {
  const csv = write('[nvidia-container-runtime]\nmode = "csv"\n');
  expect(loadConfig(NOTHING, csv, { mode: "legacy" }).mode).toBe("legacy");
  expect(loadConfig(NOTHING, csv, { mode: undefined }).mode).toBe("csv");
  const wrong = write('[nvidia-container-runtime]\nmode = "x"\n');
  expect(() => loadConfig(NOTHING, wrong, { mode: "legacy" })).toThrow(expect.objectContaining({ code: "BERTH-C002" }));
});
