import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { fakeHost } from "../grant/fake-host.test-helper.ts";
import { decide } from "../grant/index.ts";
import { CAPABILITIES } from "../host/index.ts";
import { POLICY } from "../grant/policy.test-helper.ts";
import { readRequest } from "../request/index.ts";
import { makeSource } from "../request/source.test-helper.ts";
import { spellOut, type Edits } from "./index.ts";

const host = fakeHost(8);

function editsFor(devices: string, capabilities = "", on = host): Edits {
  const env = [`NVIDIA_VISIBLE_DEVICES=${devices}`, `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`];
  const decision = decide(readRequest(makeSource({ env })), on, POLICY);
  if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
  return spellOut(decision.grant, on);
}

const nodes = (edits: Edits) => edits.devices.map(({ node }) => node.path);
const files = (edits: Edits) => edits.mounts.map(({ containerPath }) => containerPath);

test("a GPU for compute and utility is its node by minor number, nvidiactl and the two uvm nodes", () => {
  expect(nodes(editsFor("0"))).toEqual(["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia1"]);
});

test("utility alone gets no uvm node and no CUDA library", () => {
  const edits = editsFor("0", "utility");
  expect(nodes(edits)).toEqual(["/dev/nvidiactl", "/dev/nvidia1"]);
  expect(files(edits).some((path) => path.includes("libcuda"))).toBe(false);
});

test("graphics adds the modeset node and the GPU's DRM nodes", () => {
  expect(nodes(editsFor("3", "graphics"))).toEqual([
    "/dev/nvidiactl",
    "/dev/nvidia-modeset",
    "/dev/nvidia2",
    "/dev/dri/card3",
    "/dev/dri/renderD131",
  ]);
});

test("a 32-bit library comes only with compat32", () => {
  const has32 = (capabilities: string) => files(editsFor("0", capabilities)).some((path) => path.includes("i386"));
  expect(has32("compute")).toBe(false);
  expect(has32("compute,compat32")).toBe(true);
  expect(has32("utility,compat32")).toBe(false);
});

test("a library that is not the driver's own comes only where the administrator asked for such", () => {
  const on = { ...host, libraries: host.libraries.map((library) => ({ ...library, isExplicit: true })) };
  const env = ["NVIDIA_VISIBLE_DEVICES=0", "NVIDIA_DRIVER_CAPABILITIES=all"];
  const librariesWhere = (hasExplicitLibraries: boolean): number => {
    const policy = { ...POLICY, extras: { ...POLICY.extras, hasExplicitLibraries } };
    const decision = decide(readRequest(makeSource({ env })), on, policy);
    if (decision.kind !== "granted") throw new Error(JSON.stringify(decision));
    return spellOut(decision.grant, on).mounts.filter(({ kind }) => kind === "library").length;
  };
  expect(librariesWhere(false)).toBe(0);
  expect(librariesWhere(true)).toBe(host.libraries.length);
});

test("a MIG device is its parent's node and its own two capability nodes", () => {
  const paths = nodes(editsFor("all"));
  expect(paths.filter((path) => path === "/dev/nvidia3")).toHaveLength(1);
  expect(paths.filter((path) => path.startsWith("/dev/nvidia-caps/nvidia-cap2"))).toEqual([
    "/dev/nvidia-caps/nvidia-cap210",
    "/dev/nvidia-caps/nvidia-cap211",
    "/dev/nvidia-caps/nvidia-cap220",
    "/dev/nvidia-caps/nvidia-cap221",
  ]);
});

test("libraries are read-only, sockets are not but nothing runs from them", () => {
  const options = (kind: string) => editsFor("0").mounts.find((mount) => mount.kind === kind)?.options;
  expect(options("library")).toEqual(["ro", "nosuid", "nodev", "rbind", "rprivate"]);
  expect(options("socket")).toEqual(["nosuid", "nodev", "noexec", "rbind", "rprivate"]);
});

test("each library has its links as on the host, and the loader finds every name", () => {
  const { links, loaderEntries } = editsFor("0", "compute");
  expect(links.map(({ path, target }) => `${path} -> ${target}`)).toEqual([
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1 -> libcuda.so.570.1",
    "/usr/lib/x86_64-linux-gnu/libcuda.so -> libcuda.so.570.1",
  ]);
  expect(loaderEntries.map(({ soname, path }) => `${soname} => ${path}`)).toEqual([
    "libcuda.so.1 => /usr/lib/x86_64-linux-gnu/libcuda.so.570.1",
    "libcuda.so => /usr/lib/x86_64-linux-gnu/libcuda.so.570.1",
  ]);
});

test("NVIDIA_VISIBLE_DEVICES says what was granted: UUIDs, indices where unknown, none without a device", () => {
  const value = (devices: string, on = host) =>
    editsFor(devices, "utility", on).env.map((edit) => `${edit.name}=${edit.value}`);
  expect(value("1")).toEqual(["NVIDIA_VISIBLE_DEVICES=GPU-00000000-0000-0000-0000-000000000001"]);
  expect(value("none")).toEqual(["NVIDIA_VISIBLE_DEVICES=none"]);
  const parts = "MIG-GPU-00000000-0000-0000-0000-000000000002";
  expect(value("MIG-GPU-00000000-0000-0000-0000-000000000002/10/0")).toEqual([`NVIDIA_VISIBLE_DEVICES=${parts}/10/0`]);
  const unknown = fakeHost(2, { gpus: fakeHost(2).gpus.map((gpu) => ({ ...gpu, uuid: undefined })) });
  expect(value("0,1", unknown)).toEqual(["NVIDIA_VISIBLE_DEVICES=0,1"]);
});

test("whatever is asked for, no node of another GPU is in the edits, and everything says why", () => {
  fc.assert(
    fc.property(
      fc.subarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1 }),
      fc.subarray([...CAPABILITIES], { minLength: 1 }),
      (asked, capabilities) => {
        const edits = editsFor(asked.join(","), capabilities.join(","));
        const foreign = host.gpus
          .filter(({ index }) => !asked.includes(index))
          .flatMap((gpu) => [gpu.node?.path, ...gpu.drmNodes.map(({ path }) => path)]);
        for (const path of nodes(edits)) expect(foreign).not.toContain(path);
        for (const item of [...edits.devices, ...edits.mounts, ...edits.links, ...edits.loaderEntries, ...edits.env])
          expect(item.reason).not.toBe("");
      },
    ),
  );
});
