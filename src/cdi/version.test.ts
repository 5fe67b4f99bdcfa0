import { expect, test } from "bun:test";
import { isOlderVersion, minimumVersion, parseCdiVersion, type CdiSpec, type CdiVersion } from "./index.ts";
import { makeDevice, makeEdits, makeMount, makeNode, makeSpec, NO_RDT } from "./sample.test-helper.ts";

test.each<[string, CdiVersion | undefined]>([
  ["0.1.0", "0.1.0"],
  ["v0.5.0", "0.5.0"],
  ["1.1.0", "1.1.0"],
  ["vv0.5.0", undefined],
  ["V0.5.0", undefined],
  ["0.5", undefined],
  ["0.9.0", undefined],
  ["1.2.0", undefined],
  ["", undefined],
])("parseCdiVersion makes of %j: %p", (text, version) => {
  expect(parseCdiVersion(text)).toBe(version);
});

test.each<[string, Partial<CdiSpec>, CdiVersion]>([
  ["nothing new", {}, "0.3.0"],
  ["a mount's type", { containerEdits: makeEdits({ mounts: [makeMount("/a", "/b", "bind")] }) }, "0.4.0"],
  ["a host path", { containerEdits: makeEdits({ deviceNodes: [makeNode("/a", { hostPath: "/b" })] }) }, "0.5.0"],
  ["a device name that begins with a digit", { devices: [makeDevice("0")] }, "0.5.0"],
  ["an annotation", { annotations: { a: "b" } }, "0.6.0"],
  ["an annotation of a device", { devices: [{ ...makeDevice("a"), annotations: { a: "b" } }] }, "0.6.0"],
  ["a dot in the class", { kind: "v/c.d" }, "0.6.0"],
  ["a dot in the vendor", { kind: "v.w/c" }, "0.3.0"],
  ["a group", { devices: [makeDevice("a", { additionalGids: [0] })] }, "0.7.0"],
  ["intelRdt", { containerEdits: makeEdits({ intelRdt: NO_RDT }) }, "0.7.0"],
  ["intelRdt's schemata", { containerEdits: makeEdits({ intelRdt: { ...NO_RDT, schemata: ["x"] } }) }, "1.1.0"],
  [
    "intelRdt's monitoring",
    { containerEdits: makeEdits({ intelRdt: { ...NO_RDT, enableMonitoring: true } }) },
    "1.1.0",
  ],
  [
    "a network device",
    { devices: [makeDevice("a", { netDevices: [{ hostInterfaceName: "e", name: "n" }] })] },
    "1.1.0",
  ],
  ["the newest of several", { annotations: { a: "b" }, devices: [makeDevice("0", { additionalGids: [1] })] }, "0.7.0"],
])("minimumVersion of a file with %s", (_, fields, version) => {
  expect(minimumVersion(makeSpec(fields))).toBe(version);
});

test.each([
  ["0.3.0", true],
  ["v0.4.9", true],
  ["0.5.0", false],
  ["v0.5.0", false],
  ["1.0.0", false],
])("isOlderVersion compares %s with 0.5.0 by numbers", (declared, expected) => {
  expect(isOlderVersion(declared, "0.5.0")).toBe(expected);
});
