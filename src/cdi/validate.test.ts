import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { findSpecFault, type CdiEdits, type CdiSpec } from "./index.ts";
import { anySpec } from "./random-spec.test-helper.ts";
import { makeDevice, makeEdits, makeHook, makeMount, makeNode, makeSpec, NO_RDT } from "./sample.test-helper.ts";

const net = (hostInterfaceName: string, name: string) => ({ hostInterfaceName, name });

test.each<[Partial<CdiSpec>, (string | number)[], string]>([
  [{ cdiVersion: "0.9.0" }, ["cdiVersion"], 'cdiVersion is "0.9.0", and must be one of 0.3.0, 0.4.0,'],
  [{ cdiVersion: "0.2.0" }, ["cdiVersion"], 'cdiVersion is "0.2.0", but what the file uses came with 0.3.0'],
  [{ cdiVersion: "0.4.0", devices: [makeDevice("0")] }, ["cdiVersion"], "came with 0.5.0"],
  [{ kind: "nvidia.com" }, ["kind"], 'kind is "nvidia.com", and must be vendor/class'],
  [{ kind: "1/c" }, ["kind"], "must be vendor/class"],
  [{ annotations: { "a b": "" } }, ["annotations", "a b"], 'annotations["a b"] is no key of an annotation'],
  [{ annotations: { "-x/y": "" } }, ["annotations", "-x/y"], "no DNS name"],
  [{ annotations: { "a/b/c": "" } }, ["annotations", "a/b/c"], "no DNS name"],
  [{ annotations: { [`a/${"b".repeat(64)}`]: "" } }, ["annotations", `a/${"b".repeat(64)}`], "longer than 63"],
  [
    { annotations: { a: "x".repeat(256 * 1024) } },
    ["annotations"],
    "annotations has 262145 bytes, and 262144 are allowed",
  ],
  [{ devices: [] }, ["devices"], "devices must have at least one device"],
  [
    { devices: [makeDevice("a"), makeDevice("a")] },
    ["devices", 1, "name"],
    'devices[1].name is "a", as that of devices[0]',
  ],
  [{ devices: [makeDevice("a:")] }, ["devices", 0, "name"], 'devices[0].name is "a:"'],
  [
    { devices: [makeDevice("a", {})] },
    ["devices", 0, "containerEdits"],
    "devices[0].containerEdits must change something",
  ],
])("findSpecFault finds in %j what is at %j", (fields, steps, message) => {
  const fault = findSpecFault(makeSpec(fields));
  expect(fault?.steps).toEqual(steps);
  expect(fault?.message).toContain(message);
});

test.each<[Partial<CdiEdits>, (string | number)[], string]>([
  [{ env: ["A=b", "C"] }, ["env", 1], "must be NAME=value"],
  [{ env: ["=b"] }, ["env", 0], "must be NAME=value"],
  [{ deviceNodes: [makeNode("")] }, ["deviceNodes", 0, "path"], "must not be empty"],
  [{ deviceNodes: [makeNode("/a", { type: "d" })] }, ["deviceNodes", 0, "type"], "must be one of b, c, u, p"],
  [{ deviceNodes: [makeNode("/a", { permissions: "rx" })] }, ["deviceNodes", 0, "permissions"], "r, w and m"],
  [{ mounts: [makeMount("", "/b")] }, ["mounts", 0, "hostPath"], "must not be empty"],
  [{ mounts: [makeMount("/a", "")] }, ["mounts", 0, "containerPath"], "must not be empty"],
  [{ hooks: [makeHook("poststop", "")] }, ["hooks", 0, "path"], "must not be empty"],
  [{ hooks: [{ ...makeHook("poststop", "/x"), env: ["A"] }] }, ["hooks", 0, "env", 0], "must be NAME=value"],
  [{ netDevices: [net("", "a")] }, ["netDevices", 0, "hostInterfaceName"], "must not be empty"],
  [{ netDevices: [net("a", "")] }, ["netDevices", 0, "name"], "must not be empty"],
  [{ netDevices: [net("a", "b"), net("a", "c")] }, ["netDevices", 1, "hostInterfaceName"], "a second time"],
  [{ netDevices: [net("a", "b"), net("c", "b")] }, ["netDevices", 1, "name"], "a second time"],
  [{ intelRdt: { ...NO_RDT, closID: ".." } }, ["intelRdt", "closID"], "must be a file's name"],
  [{ intelRdt: { ...NO_RDT, closID: "a/b" } }, ["intelRdt", "closID"], "must be a file's name"],
  [{ intelRdt: { ...NO_RDT, enableCMT: true } }, ["intelRdt", "enableCMT"], "is no field of version 1.1.0"],
])("findSpecFault finds in the edits %j what is at %j, of the file and of a device", (fields, steps, message) => {
  const edits = makeEdits({ env: ["A=b"], ...fields });
  const ofFile = findSpecFault(makeSpec({ containerEdits: edits }));
  const ofDevice = findSpecFault(makeSpec({ devices: [makeDevice("x"), makeDevice("a", edits)] }));
  expect(ofFile?.steps).toEqual(["containerEdits", ...steps]);
  expect(ofDevice?.steps).toEqual(["devices", 1, "containerEdits", ...steps]);
  expect(ofFile?.message).toContain(message);
});

test("findSpecFault says which version to declare, and lets an older one have what was taken away later", () => {
  expect(
    findSpecFault(makeSpec({ cdiVersion: "0.6.0", containerEdits: makeEdits({ additionalGids: [1] }) }))?.remedy,
  ).toContain('declare cdiVersion "0.7.0"');
  const old = makeEdits({ intelRdt: { ...NO_RDT, enableMBM: true } });
  expect(findSpecFault(makeSpec({ cdiVersion: "1.0.0", containerEdits: old }))).toBeUndefined();
});

test("findSpecFault finds nothing in a file that keeps the rules", () => {
  fc.assert(fc.property(anySpec, (spec) => findSpecFault(spec) === undefined));
});
