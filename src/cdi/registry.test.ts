import { afterAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import { formatCdiSpec, readRegistry, resolveDevices, type CdiEdits, type CdiSpec } from "./index.ts";
import { makeDevice, makeEdits, makeHook, makeNode, makeSpec } from "./sample.test-helper.ts";

const work = mkdtempSync(join(tmpdir(), "berth-registry-"));
const [etc, run] = [join(work, "etc"), join(work, "run")];
const isRoot = process.geteuid?.() === 0;
beforeEach(() => {
  for (const folder of [etc, run]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o755 });
  }
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function put(folder: string, name: string, spec: CdiSpec | string): string {
  const path = join(folder, name);
  const text = typeof spec === "string" ? spec : formatCdiSpec(spec, name.endsWith(".json") ? "json" : "yaml");
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

const read = () => readRegistry([etc, run]);
const gpus = (...names: string[]) =>
  makeSpec({ kind: "nvidia.com/gpu", devices: names.map((name) => makeDevice(name)) });

test("readRegistry reads the files of all folders, and gives devices sorted by name", () => {
  const first = put(etc, "b.yaml", gpus("1", "0"));
  const second = put(run, "a.json", makeSpec());
  const { files, devices, conflicts, problems } = read();
  expect(files.map(({ path, priority }) => [path, priority])).toEqual([
    [first, 0],
    [second, 1],
  ]);
  expect([...devices].map(([name, { file, device }]) => [name, file, device.name])).toEqual([
    ["nvidia.com/gpu=0", first, "0"],
    ["nvidia.com/gpu=1", first, "1"],
    ["v/c=a", second, "a"],
  ]);
  expect([...conflicts, ...problems]).toEqual([]);
});

test("readRegistry reads nothing but .json and .yaml files that lie in the folder itself", () => {
  for (const name of ["a.yml", "b.txt", ".c.yaml", "json", "d.yaml.tmp"]) put(etc, name, "{");
  mkdirSync(join(etc, "e.yaml"));
  mkdirSync(join(etc, "sub"));
  put(join(etc, "sub"), "f.yaml", gpus("0"));
  expect(readRegistry([etc, join(work, "missing"), join(etc, "a.yml", "x")])).toEqual({
    files: [],
    devices: new Map(),
    conflicts: [],
    problems: [],
  });
});

test("a device of a later folder replaces that of an earlier one", () => {
  put(etc, "a.yaml", gpus("0", "1"));
  const later = put(run, "a.yaml", gpus("0"));
  const { devices, problems } = read();
  expect(devices.get("nvidia.com/gpu=0")?.file).toBe(later);
  expect([...devices.keys()]).toEqual(["nvidia.com/gpu=0", "nvidia.com/gpu=1"]);
  expect(problems).toEqual([]);
});

test("a device that two files of one folder define is not resolved, and both are named; no later folder changes it", () => {
  const [a, b] = [put(etc, "a.yaml", gpus("0", "1")), put(etc, "b.json", gpus("0"))];
  put(run, "c.yaml", gpus("0"));
  const { devices, conflicts, problems } = read();
  expect([...devices.keys()]).toEqual(["nvidia.com/gpu=1"]);
  expect(conflicts.map(({ name, files }) => [name, files])).toEqual([["nvidia.com/gpu=0", [a, b]]]);
  expect(problems).toEqual([
    {
      code: "BERTH-F003",
      message: `Cannot tell which CDI device "nvidia.com/gpu=0" is meant: "${a}" and "${b}" define it`,
      remedy: `remove one of them: rm ${b}`,
    },
  ]);
});

test("a file that is bad is a problem, and the others count", () => {
  put(etc, "a.json", "{");
  put(etc, "b.yaml", "kind: v/c\n");
  put(etc, "c.yaml", gpus("0"));
  symlinkSync("nowhere", join(etc, "d.yaml"));
  symlinkSync(".", join(etc, "e.yaml"));
  const { devices, files, problems } = read();
  expect([...devices.keys()]).toEqual(["nvidia.com/gpu=0"]);
  expect(files).toHaveLength(5);
  expect(problems.map(({ code, message }) => `${code} ${message.replaceAll(etc, "")}`)).toEqual([
    'BERTH-F001 Cannot read the CDI file "/a.json":1:2: unexpected end',
    'BERTH-F002 Cannot use the CDI file "/b.yaml":1:1: cdiVersion must be text, but is missing',
    'BERTH-F001 Cannot read the CDI file "/d.yaml": it leads nowhere',
    'BERTH-F001 Cannot read the CDI file "/e.yaml": it is not a regular file',
  ]);
});

/** What is said of `a.yaml` in the first folder, or of a folder, and that no device of it counts. */
function refusal() {
  const { devices, problems } = read();
  expect([...devices.keys()]).toEqual(["v/c=a"]);
  expect(problems).toHaveLength(1);
  return problems[0];
}

test("a file or folder that others can write is refused, with the command that mends it", () => {
  put(run, "good.yaml", makeSpec());
  const path = put(etc, "a.yaml", gpus("0"));
  for (const mode of [0o664, 0o646]) {
    chmodSync(path, mode);
    expect(refusal()).toMatchObject({ code: "BERTH-F001", remedy: `chmod go-w ${path}` });
  }
  chmodSync(path, 0o644);
  for (const mode of [0o775, 0o1777]) {
    chmodSync(etc, mode);
    expect(refusal()).toMatchObject({ code: "BERTH-F001", remedy: `chmod go-w ${etc}` });
  }
});

test("a link counts like what it leads to: file, and the folder that it lies in", () => {
  put(run, "good.yaml", makeSpec());
  const elsewhere = join(work, "elsewhere");
  mkdirSync(elsewhere, { mode: 0o755 });
  const target = put(elsewhere, "a.txt", gpus("0"));
  symlinkSync(target, join(etc, "a.yaml"));
  expect([...read().devices.keys()]).toEqual(["nvidia.com/gpu=0", "v/c=a"]);
  chmodSync(target, 0o666);
  expect(refusal()?.remedy).toStartWith("chmod go-w ");
  chmodSync(target, 0o644);
  chmodSync(elsewhere, 0o777);
  expect(refusal()?.remedy).toBe(`chmod go-w ${elsewhere}`);
});

test.skipIf(!isRoot)("a file, a folder or a link of another user is refused (as root)", () => {
  put(run, "good.yaml", makeSpec());
  const path = put(etc, "a.yaml", gpus("0"));
  chownSync(path, 1234, 0);
  expect(refusal()).toMatchObject({ code: "BERTH-F001", remedy: `chown -h root: ${path}` });
  chownSync(path, 0, 0);
  chownSync(etc, 1234, 0);
  expect(refusal()?.remedy).toBe(`chown -h root: ${etc}`);
  chownSync(etc, 0, 0);
  const link = join(etc, "b.yaml");
  rmSync(path);
  symlinkSync(put(etc, "b.txt", gpus("0")), link);
  lchownSync(link, 1234, 0);
  expect(refusal()?.remedy).toBe(`chown -h root: ${link}`);
});

const env = (...entries: string[]): Partial<CdiEdits> => ({ env: entries });

test("resolveDevices puts a file's edits once before its first device, in the order of the request", () => {
  put(
    etc,
    "a.yaml",
    makeSpec({
      devices: [makeDevice("x", env("X=1")), makeDevice("y", env("Y=1"))],
      containerEdits: makeEdits(env("F=a")),
    }),
  );
  put(
    etc,
    "b.yaml",
    makeSpec({ kind: "w/c", devices: [makeDevice("z", env("Z=1"))], containerEdits: makeEdits(env("G=b")) }),
  );
  const { env: entries } = resolveDevices(read(), ["v/c=y", "w/c=z", "v/c=x", "v/c=y"]);
  expect(entries).toEqual(["F=a", "Y=1", "G=b", "Z=1", "X=1"]);
});

test("resolveDevices combines all kinds of edits; the last of a variable and of intelRdt counts", () => {
  const rdt = (closID: string) => ({
    closID,
    l3CacheSchema: undefined,
    memBwSchema: undefined,
    schemata: [],
    enableCMT: false,
    enableMBM: false,
    enableMonitoring: false,
  });
  const edits = (name: string): CdiEdits => ({
    env: [`A=${name}`, `${name}=1`],
    deviceNodes: [makeNode(`/dev/${name}`)],
    mounts: [{ hostPath: `/${name}`, containerPath: "/m", options: [], type: undefined }],
    hooks: [makeHook("poststop", `/${name}`)],
    additionalGids: [1],
    netDevices: [{ hostInterfaceName: name, name }],
    intelRdt: rdt(name),
  });
  put(etc, "a.yaml", makeSpec({ devices: [makeDevice("x", edits("x")), makeDevice("y", edits("y"))] }));
  const [x, y] = [edits("x"), edits("y")];
  expect(resolveDevices(read(), ["v/c=x", "v/c=y"])).toEqual({
    env: ["A=y", "x=1", "y=1"],
    deviceNodes: [...x.deviceNodes, ...y.deviceNodes],
    mounts: [...x.mounts, ...y.mounts],
    hooks: [...x.hooks, ...y.hooks],
    additionalGids: [1, 1],
    netDevices: [...x.netDevices, ...y.netDevices],
    intelRdt: rdt("y"),
  });
});

function refusalOf(...names: string[]): BerthError {
  try {
    resolveDevices(read(), names);
  } catch (error) {
    return BerthError.from(error);
  }
  throw new Error("They were resolved");
}

test("resolveDevices names all that cannot be resolved, with what may be meant and what may be the reason", () => {
  put(etc, "a.yaml", gpus("0", "both"));
  put(etc, "b.yaml", gpus("both"));
  const bad = put(run, "bad.json", "{");
  const { code, message, remedy } = refusalOf("nvidia.com/gpu=0", "nvidia.con/gpu=0", "x", "nvidia.com/gpu=both");
  expect(code).toBe("BERTH-R004");
  expect(message).toStartWith(
    'Cannot find the CDI devices "nvidia.con/gpu=0" (did you mean "nvidia.com/gpu=0"?), "x" (not of the form vendor/class=name), "nvidia.com/gpu=both" (defined twice); BERTH-F003: ',
  );
  expect(message).toContain(`BERTH-F001: Cannot read the CDI file "${bad}":1:2`);
  expect(remedy).toBe("see which devices there are: berth cdi list");
});

test("resolveDevices blames no file for what is no name, and quotes a long one shortened", () => {
  put(run, "bad.json", "{");
  expect(refusalOf("x".repeat(300)).message).toBe(
    `Cannot find the CDI device "${"x".repeat(100)}…" (not of the form vendor/class=name)`,
  );
});
