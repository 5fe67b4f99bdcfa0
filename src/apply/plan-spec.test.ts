import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { formatJson, isJsonObject, parseJson, type JsonObject, type JsonValue } from "../base/index.ts";
import { Root } from "../linux/index.ts";
import {
  DEBIAN,
  ENGINE_MOUNTS,
  makeContainer,
  makeMachine,
  makeTree,
  volume,
  workFolder,
  type Machine,
} from "./container.test-helper.ts";
import { planSpec } from "./plan-spec.ts";

function parse(text: string): JsonObject {
  const value = parseJson(Buffer.from(text), "config.json");
  if (!isJsonObject(value)) throw new TypeError("not an object");
  return value;
}

function edit(spec: JsonObject, rootfs: Root, machine: Machine): JsonObject {
  return planSpec({ ...machine, spec, rootfs, bundleDir: "/b", isWritable: true, stateDir: "/s", containerId: "c" })
    .spec;
}

test("a whole spec, before and after", () => {
  using work = workFolder();
  using rootfs = Root.open(makeTree(join(work.path, "rootfs"), DEBIAN));
  const machine = makeMachine(join(work.path, "driver"), { names: ["cuda"] });
  const spec = parse(`{
    "x-first": {"deep": [1.0, 1e2, 9223372036854775807]},
    "process": {"rlimits": [{"type": "RLIMIT_MEMLOCK", "hard": 18446744073709551615}],
      "env": ["NVIDIA_VISIBLE_DEVICES=all", "A=1", "NVIDIA_VISIBLE_DEVICES=0"], "cwd": "/"},
    "root": {"path": "rootfs"},
    "hooks": {"prestart": [{"path": "/usr/bin/nvidia-container-runtime-hook"}, {"path": "/bin/other"}], "poststop": []},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {
      "devices": [{"path": "/dev/nvidia0", "type": "c", "major": 9, "minor": 9}, {"path": "/dev/own", "type": "c", "major": 1, "minor": 7}],
      "resources": {"memory": {"limit": -1}, "devices": [{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
        {"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 5, "access": "rwm"}]},
      "maskedPaths": ["/proc/kcore"]},
    "x-last": null
  }`);
  const text = formatJson(edit(spec, rootfs, machine)).replaceAll(work.path, "WORK");
  expect(text.replaceAll(/(?<=[\]}],)(?=["{])/g, "\n")).toMatchSnapshot();
});

test("a container in a user namespace gets bind mounts that are not nodev instead of nodes, and the same cgroup rules", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN, { linux: { namespaces: [{ type: "user" }, { type: "mount" }] } });
  const { spec } = container.plan(makeMachine(join(work.path, "driver")));
  expect(spec["linux"]).toEqual({
    namespaces: [{ type: "user" }, { type: "mount" }],
    resources: {
      devices: [
        { allow: true, type: "c", major: 1, minor: 5, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
      ],
    },
  });
  const node = {
    destination: "/dev/nvidia0",
    type: "bind",
    source: "/dev/null",
    options: ["bind", "nosuid", "noexec"],
  };
  expect(spec["mounts"]).toContainEqual(node);
});

test("a device node that is another device by now is refused", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const machine = makeMachine(join(work.path, "driver"));
  const [control] = machine.host.controlNodes;
  const node = control === undefined ? [] : [{ ...control, minor: 77 }];
  const changed = {
    ...machine,
    host: { ...machine.host, controlNodes: node },
    edits: { ...machine.edits, devices: node.map((each) => ({ node: each, reason: "" })) },
  };
  expect(() => container.plan(changed)).toThrow(
    expect.objectContaining({ code: "BERTH-D003", message: expect.stringContaining("/dev/zero") }),
  );
});

test("a volume over /dev is refused unless it holds the nodes: none is made in it", () => {
  using work = workFolder();
  const source = makeTree(join(work.path, "dev"), {});
  const container = makeContainer(work.path, DEBIAN, { mounts: [...ENGINE_MOUNTS, volume(source, "/dev")] });
  const machine = makeMachine(join(work.path, "driver"));
  const refusal = expect.objectContaining({ code: "BERTH-P002", message: expect.stringContaining("/dev/nvidiactl") });
  expect(() => container.plan(machine)).toThrow(refusal);
  makeTree(source, { "/nvidiactl": "", "/nvidia0": "" });
  expect(container.plan(machine).spec["linux"]).toHaveProperty("devices");
});

test("a driver file that is gone is refused by its name", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const machine = makeMachine(join(work.path, "driver"));
  rmSync(join(work.path, "driver/libcuda.so.570.1"));
  expect(() => container.plan(machine)).toThrow(
    expect.objectContaining({ code: "BERTH-D002", message: expect.stringContaining("libcuda.so.570.1") }),
  );
});

test("nothing of the container's own root file system is ever a mount's source", () => {
  using work = workFolder();
  const container = makeContainer(work.path, DEBIAN);
  const machine = makeMachine(join(container.rootfs, "usr/driver"));
  expect(() => container.plan(machine)).toThrow(expect.objectContaining({ code: "BERTH-P001" }));
});

const ALLOWED = [
  "/process/env",
  "/mounts",
  "/linux/devices",
  "/linux/resources/devices",
  "/annotations/dev.berth.granted",
  "/hooks/prestart",
];

/** The pointers at which two values differ. */
function differences(before: JsonValue | undefined, after: JsonValue | undefined, pointer = ""): string[] {
  if (JSON.stringify(before) === JSON.stringify(after) || ALLOWED.includes(pointer)) return [];
  if (!isJsonObject(after) || (before !== undefined && !isJsonObject(before))) return [pointer];
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before?.[key], after[key], `${pointer}/${key}`));
}

const WORDS = fc.constantFrom(
  "a",
  "b",
  "__proto__",
  "constructor",
  "prestart",
  "env",
  "mounts",
  "/proc",
  "toString",
  "10",
);
const anything = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<JsonValue>(null, true, 0, 7, "text"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(WORDS, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

const mount = fc.record({
  destination: fc.constantFrom("/data", "/run", "/proc", "/usr/bin/nvidia-smi"),
  type: fc.constantFrom("tmpfs", "proc"),
  x: anything,
});
const specs = fc
  .record(
    {
      ociVersion: anything,
      process: fc.record(
        { env: fc.array(fc.constantFrom("A=1", "NVIDIA_VISIBLE_DEVICES=0", "A=")), rlimits: anything, user: anything },
        { requiredKeys: [] },
      ),
      root: fc.record({ path: fc.constant("rootfs"), readonly: fc.boolean() }),
      mounts: fc.array(mount, { maxLength: 4 }),
      hooks: fc.record(
        {
          prestart: fc.array(fc.record({ path: fc.constantFrom("/a/nvidia-container-toolkit", "/b") })),
          poststop: anything,
        },
        { requiredKeys: [] },
      ),
      annotations: fc.dictionary(WORDS, fc.string(), { noNullPrototype: true }),
      linux: fc.record(
        {
          devices: fc.array(fc.record({ path: fc.constantFrom("/dev/nvidia0", "/dev/x"), x: anything })),
          resources: fc.record(
            { devices: fc.array(fc.record({ allow: fc.boolean(), major: fc.nat(3) })), memory: anything },
            { requiredKeys: [] },
          ),
          seccomp: anything,
        },
        { requiredKeys: [] },
      ),
      vendor: anything,
    },
    { requiredKeys: ["root"], noNullPrototype: true },
  )
  .map((value) => parse(JSON.stringify(value)));

test("whatever the spec: only its allow-listed places change, and editing twice is editing once", () => {
  using work = workFolder();
  using rootfs = Root.open(makeTree(join(work.path, "rootfs"), DEBIAN));
  const machine = makeMachine(join(work.path, "driver"));
  fc.assert(
    fc.property(specs, (spec) => {
      const once = edit(spec, rootfs, machine);
      expect(differences(spec, once)).toEqual([]);
      expect(formatJson(edit(parse(formatJson(once)), rootfs, machine))).toBe(formatJson(once));
    }),
    { numRuns: 100 },
  );
});
