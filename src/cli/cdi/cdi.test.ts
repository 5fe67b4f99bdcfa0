import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../../base/index.ts";
import type { World } from "../context.ts";
import { listDevices } from "./list.ts";
import { changeRoot } from "./transform-root.ts";

const root = mkdtempSync(join(tmpdir(), "berth-cli-cdi-"));
const [etc, run] = [join(root, "etc/cdi"), join(root, "run/cdi")];
beforeEach(() => {
  rmSync(root, { recursive: true, force: true });
  for (const folder of [etc, run, join(root, "var")]) mkdirSync(folder, { recursive: true, mode: 0o755 });
  symlinkSync("/run", join(root, "var/run"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, text: string) => writeFileSync(path, text, { mode: 0o644 });
const spec = (name: string) => {
  const containerEdits = { deviceNodes: [{ path: `/old/${name}` }] };
  return JSON.stringify({ cdiVersion: "0.6.0", kind: "v/c", devices: [{ name, containerEdits }] });
};

/** What a command printed and noted on the host under `root`, and what it threw. */
function call(command: (this: World) => void) {
  const [out, notes, failures]: [string[], string[], BerthError[]] = [[], [], []];
  const world: World = {
    process: { stdout: { write: () => undefined }, stderr: { write: () => undefined } },
    namedRoot: root,
    env: () => undefined,
    executable: "/opt/berth/berth",
    configSlot: undefined,
    print: (text) => void out.push(text),
    note: (text) => void notes.push(text),
  };
  try {
    command.call(world);
  } catch (error) {
    failures.push(BerthError.from(error));
  }
  return { out: out.join(""), notes: notes.join(""), error: failures[0] };
}

const list = (specDir?: readonly string[]) =>
  call(function (this: World) {
    listDevices.call(this, specDir === undefined ? {} : { specDir });
  });

test("berth cdi list prints the names of a host's devices, its links followed as it would", () => {
  put(join(etc, "a.json"), spec("b"));
  put(join(run, "b.json"), spec("a"));
  expect(list()).toEqual({ out: "v/c=a\nv/c=b\n", notes: "", error: undefined });
  expect(list([run])).toEqual({ out: "v/c=a\n", notes: "", error: undefined });
});

test("berth cdi list says all that is wrong, the last thing as its own failure, and lists the rest", () => {
  put(join(etc, "a.json"), spec("a"));
  put(join(etc, "b.json"), "{");
  put(join(run, "c.json"), '{"kinds":1}');
  const { out, notes, error } = list();
  expect(out).toBe("v/c=a\n");
  expect(notes).toBe(
    `berth: BERTH-F001: Cannot read the CDI file "${etc}/b.json":1:2: unexpected end; remedy: mend "${etc}/b.json", or the program that wrote it\n`,
  );
  expect(error?.code).toBe("BERTH-F002");
  expect(error?.message).toContain('kinds is no field of the specification; did you mean "kind"?');
});

test("berth cdi list reads the folders that the host's configuration names", () => {
  mkdirSync(join(root, "etc/nvidia-container-runtime"));
  const config = '[nvidia-container-runtime.modes.cdi]\nspec-dirs = ["/opt/cdi"]\n';
  put(join(root, "etc/nvidia-container-runtime/config.toml"), config);
  mkdirSync(join(root, "opt/cdi"), { recursive: true });
  put(join(root, "opt/cdi/a.json"), spec("x"));
  put(join(etc, "a.json"), spec("a"));
  expect(list().out).toBe("v/c=x\n");
});

test("berth cdi transform-root prints a file under another root, or writes it", () => {
  put(join(etc, "a.json"), spec("a"));
  const change = (output?: string) =>
    call(function (this: World) {
      const flags = { from: "/old", to: "/new", relativeTo: "host" } as const;
      changeRoot.call(this, output === undefined ? flags : { ...flags, output }, join(etc, "a.json"));
    });
  const printed = change();
  expect(printed.out).toContain("hostPath: /new/a\n");
  const path = join(root, "made/b.yaml");
  expect(change(path)).toEqual({ out: "", notes: "", error: undefined });
  expect(readFileSync(path, "utf8")).toBe(printed.out);
});
