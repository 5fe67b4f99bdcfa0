import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parse } from "yaml";
import { BerthError } from "../base/index.ts";
import { formatCdiSpec, NO_EDITS, parseCdiSpec, type CdiFormat, type CdiSpec } from "./index.ts";
import { anySpec } from "./random-spec.test-helper.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const read = (text: string, path = "f.yaml") => parseCdiSpec(encode(text), path);

/** What reading throws; a file that is read fails the test. */
function faultOf(text: string | Uint8Array, path: string) {
  try {
    parseCdiSpec(typeof text === "string" ? encode(text) : text, path);
  } catch (error) {
    return BerthError.from(error);
  }
  throw new Error(`It was read: ${String(text)}`);
}

const SPEC = {
  cdiVersion: "0.5.0",
  kind: "v/c",
  devices: [{ name: "0", containerEdits: { env: ["A=b"] } }],
};

test("parseCdiSpec reads every field of the specification, from JSON and YAML alike", () => {
  const node = {
    path: "/dev/a",
    hostPath: "/dev/b",
    type: "c",
    major: 195,
    minor: 0,
    fileMode: 438,
    permissions: "rw",
    uid: 0,
    gid: 44,
  };
  const mount = { hostPath: "/a", containerPath: "/b", options: ["ro", "bind"], type: "none" };
  const hook = { hookName: "createContainer" as const, path: "/bin/x", args: ["x", "y"], env: ["A=b"], timeout: 3 };
  const rdt = { closID: "x", l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=70", schemata: ["s"], enableMonitoring: true };
  const edits = {
    env: ["A=b"],
    deviceNodes: [node],
    mounts: [mount],
    hooks: [hook],
    additionalGids: [0, 44],
    netDevices: [{ hostInterfaceName: "eth0", name: "net0" }],
    intelRdt: rdt,
  };
  const document = {
    cdiVersion: "1.1.0",
    kind: "nvidia.com/gpu",
    annotations: { "a.b/c": "d" },
    devices: [{ name: "0:1", annotations: { e: "" }, containerEdits: edits }],
    containerEdits: edits,
  };
  const full = { ...edits, intelRdt: { ...rdt, enableCMT: false, enableMBM: false } };
  const expected: CdiSpec = {
    ...document,
    devices: [{ name: "0:1", annotations: { e: "" }, containerEdits: full }],
    containerEdits: full,
  };
  expect(read(JSON.stringify(document), "f.json")).toEqual(expected);
  expect(read(JSON.stringify(document), "f.yaml")).toEqual(expected);
});

test("parseCdiSpec takes what is left out, null or empty text as absent", () => {
  const node = { path: "/dev/a", hostPath: "", type: null, permissions: "" };
  const device = { name: "a", containerEdits: { deviceNodes: [node], env: null } };
  const { devices, annotations, containerEdits } = read(
    JSON.stringify({ ...SPEC, annotations: null, devices: [device] }),
    "f.json",
  );
  expect(annotations).toEqual({});
  expect(containerEdits).toEqual(NO_EDITS);
  expect(devices[0]?.containerEdits.deviceNodes[0]).toEqual({
    path: "/dev/a",
    hostPath: undefined,
    type: undefined,
    major: undefined,
    minor: undefined,
    fileMode: undefined,
    permissions: undefined,
    uid: undefined,
    gid: undefined,
  });
});

test.each([
  ["name: 0", "0"],
  ["name: 17", "17"],
  ["name: 0x1f", "31"],
  ["name: 0:1", "0:1"],
  ["name: 2024-01-01", "2024-01-01"],
  ['name: "010"', "010"],
  ["name: '1_0'", "1_0"],
  ["name: yess", "yess"],
  ["name: >-\n      ab", "ab"],
])("a YAML name is the text that Go's readers take it for: %j", (line, name) => {
  const text = `cdiVersion: "0.5.0"\nkind: v/c\ndevices:\n  - ${line}\n    containerEdits: {env: [A=b]}\n`;
  expect(read(text).devices[0]?.name).toBe(name);
});

test.each([
  ["438", 438],
  ["0666", 438],
  ["0o666", 438],
  ["0x1b6", 438],
  ["0", 0],
])("a YAML number is what Go's readers take it for: %s", (number, fileMode) => {
  const text = `cdiVersion: "0.5.0"\nkind: v/c\ndevices: [{name: a, containerEdits: {deviceNodes: [{path: /a, fileMode: ${number}}]}}]`;
  expect(read(text).devices[0]?.containerEdits.deviceNodes[0]?.fileMode).toBe(fileMode);
});

const YAML = 'cdiVersion: "0.5.0"\nkind: v/c\ndevices:\n  - name: a\n    containerEdits:\n      env: [A=b]\n';
const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

test.each<[string, string | Uint8Array, string, string]>([
  ["f.json", '{"a":1,}', '"f.json":1:8', 'unexpected "}"'],
  ["f.json", '{"kind":"v/c",\n "kind":"v/d"}', '"f.json":2:2', 'it holds the key "kind" twice'],
  ["f.json", '{"kind":"v/c",\n "Kind":"v/d"}', '"f.json":2:2', "differ only in case"],
  ["f.json", "{\n", '"f.json":2:1', "unexpected end"],
  ["f.json", "", '"f.json":1:1', "unexpected end"],
  ["f.json", "\ufeff{}", '"f.json":1:1', "byte order mark"],
  ["f.json", deep(65), '"f.json":1:65', "deeper than 64 levels"],
  ["f.json", new Uint8Array([0x22, 0xff, 0x22]), '"f.json"', "not valid UTF-8"],
  ["f.yaml", new Uint8Array([0xff, 0xfe, 0x61, 0x00]), '"f.yaml"', "not valid UTF-8"],
  ["f.yaml", new Uint8Array(4 * 1024 * 1024 + 1), '"f.yaml"', "4194305 bytes, and 4194304 are allowed"],
  ["f.yaml", `${YAML}kind: v/d\n`, '"f.yaml":7:1', 'the key "kind" is there twice'],
  ["f.yaml", "a: [1,\n", '"f.yaml":2:1', "Flow sequence"],
  ["f.yaml", "\ta: 1\n", '"f.yaml":1:1', "Tabs"],
  ["f.yaml", "a: &x [b]\nc: *x\n", '"f.yaml":2:4', "an alias is not allowed"],
  ["f.yaml", "a: !!binary aGk=\n", '"f.yaml":1:13', "a tag is not allowed"],
  ["f.yaml", "a: 1\n---\nb: 2\n", '"f.yaml":2:1', "several documents"],
  ["f.yaml", "a: yes\n", '"f.yaml":1:4', "put it in quotes"],
  ["f.yaml", "a: 1_000\n", '"f.yaml":1:4', "put it in quotes"],
  ["f.yaml", "a: 0b11\n", '"f.yaml":1:4', "put it in quotes"],
  ["f.yaml", "a: 0.50\n", '"f.yaml":1:4', "put it in quotes"],
  ["f.yaml", "a: 09\n", '"f.yaml":1:4', "put it in quotes"],
  ["f.yaml", "a: 99999999999999999999\n", '"f.yaml":1:4', "put it in quotes"],
  ["f.yaml", "true: x\n", '"f.yaml":1:1', "a key must be text"],
  ["f.yaml", "? [a]\n: x\n", '"f.yaml":1:3', "a key must be text"],
  ["f.yaml", "a: é\u0085\n", '"f.yaml":1:5', "control character"],
  ["f.yaml", deep(65), '"f.yaml":1:65', "deeper than 64 levels"],
  ["f.yaml", deep(50_000), '"f.yaml":1:1', "deeper than 64 levels"],
])("a file that cannot be parsed is BERTH-F001 with its place: %s %#", (path, text, place, why) => {
  const { code, message, remedy } = faultOf(text, path);
  expect(code).toBe("BERTH-F001");
  expect(message).toStartWith(`Cannot read the CDI file ${place}: `);
  expect(message).toContain(why);
  expect(remedy).toContain(path);
});

/** SPEC with its only device's edits replaced. */
const withEdits = (edits: object) => ({ ...SPEC, devices: [{ name: "a", containerEdits: edits }] });
const withNode = (node: object) => withEdits({ deviceNodes: [{ path: "/dev/a", ...node }] });

test.each<[string, unknown, string]>([
  ["no object", [], "it must be an object, but is a list"],
  [
    "an unknown field",
    { ...SPEC, containeredits: {} },
    'containeredits is no field of the specification; did you mean "containerEdits"?',
  ],
  ["an unknown field like no other", { ...SPEC, zzzzzz: 1 }, "zzzzzz is no field of the specification"],
  ["an inherited name", { ...SPEC, constructor: 1 }, "constructor is no field of the specification"],
  [
    "an unknown field far below",
    withNode({ hostpath: "/x" }),
    'devices[0].containerEdits.deviceNodes[0].hostpath is no field of the specification; did you mean "hostPath"?',
  ],
  ["no version", { ...SPEC, cdiVersion: undefined }, "cdiVersion must be text, but is missing"],
  ["a number as text", { ...SPEC, kind: 1 }, "kind must be text, but is 1"],
  ["text as a list", { ...SPEC, devices: "a" }, 'devices must be a list, but is the text "a"'],
  ["null in a list", { ...SPEC, devices: [null] }, "devices[0] must be an object, but is null"],
  ["null as a variable", withEdits({ env: [null] }), "devices[0].containerEdits.env[0] must be text, but is null"],
  ["text as a number", withNode({ major: "195" }), "deviceNodes[0].major must be an integer of 0 to 2^32-1"],
  ["a fraction", withNode({ major: 1.5 }), "deviceNodes[0].major must be an integer of 0 to 2^32-1, but is 1.5"],
  ["a negative number", withNode({ minor: -1 }), "deviceNodes[0].minor must be an integer of 0 to 2^32-1, but is -1"],
  ["a number that is too large", withNode({ uid: 2 ** 32 }), "deviceNodes[0].uid must be an integer of 0 to 2^32-1"],
  [
    "a switch that is none",
    withEdits({ intelRdt: { enableMonitoring: 1 } }),
    "intelRdt.enableMonitoring must be true or false",
  ],
  [
    "a hook that does not exist",
    withEdits({ hooks: [{ hookName: "poststrt", path: "/x" }] }),
    'hooks[0].hookName is "poststrt", and must be one of prestart',
  ],
  ["an annotation that is no text", { ...SPEC, annotations: { a: 1 } }, "annotations.a must be text, but is 1"],
  ["a NUL character", withNode({ path: "/dev/a\0b" }), "deviceNodes[0].path holds a NUL character"],
])("a field that is not allowed is BERTH-F002 with its place: %s", (_, document, why) => {
  const { code, message, remedy } = faultOf(JSON.stringify(document, undefined, 1), "f.json");
  expect(code).toBe("BERTH-F002");
  expect(message).toMatch(/^Cannot use the CDI file "f.json":\d+:\d+: /);
  expect(message).toContain(why);
  expect(remedy).toContain("f.json");
});

test.each([
  [JSON.stringify({ ...SPEC, kind: 1 }), "f.json", '"f.json":1:30: kind'],
  [JSON.stringify({ ...SPEC, kind: 1 }, undefined, 2), "f.json", '"f.json":3:11: kind'],
  [YAML.replace("v/c", "vc"), "f.yaml", '"f.yaml":2:7: kind'],
  [YAML.replace("A=b", "é, A=b, x"), "f.yaml", '"f.yaml":6:13: devices[0].containerEdits.env[0]'],
  [YAML.replace("A=b", "A=é, x"), "f.yaml", '"f.yaml":6:18: devices[0].containerEdits.env[1]'],
  [YAML.replace("    containerEdits", "    contanerEdits"), "f.yaml", '"f.yaml":6:7: devices[0].contanerEdits'],
  [YAML.replace("kind: v/c\n", ""), "f.yaml", '"f.yaml":1:1: kind must be text, but is missing'],
])("the place of a fault is that of the value, of a missing field its object: %j", (text, path, place) => {
  const { code, message } = faultOf(text, path);
  expect(code).toBe("BERTH-F002");
  expect(message).toStartWith(`Cannot use the CDI file ${place}`);
});

const FORMATS = [["json"], ["yaml"]] as const;

test.each(FORMATS)(
  "printing a file as %s and reading it gives the same file, and printing again the same bytes",
  (format: CdiFormat) => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const text = formatCdiSpec(spec, format);
        const again = read(text, `f.${format}`);
        expect(again).toEqual(spec);
        expect(formatCdiSpec(again, format)).toBe(text);
      }),
      { numRuns: 300 },
    );
  },
);

test("YAML that is printed says to readers of YAML 1.1 and 1.2 and to Bun what the JSON says", () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const document: unknown = JSON.parse(formatCdiSpec(spec, "json"));
      const text = formatCdiSpec(spec, "yaml");
      expect(parse(text, { version: "1.1" })).toEqual(document);
      expect(parse(text, { version: "1.2" })).toEqual(document);
      expect(Bun.YAML.parse(text)).toEqual(document);
    }),
    { numRuns: 300 },
  );
});
