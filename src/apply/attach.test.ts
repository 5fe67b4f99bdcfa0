import { expect, test } from "bun:test";
import { fakeGpu } from "../grant/fake-host.test-helper.ts";
import type { DeviceNode } from "../host/index.ts";
import { addTo, type Giving } from "./attach.ts";
import type { Attachment } from "./attachments.ts";
import type { PlannedMount } from "./plan-live.ts";

const reason = "a test";
const NOTHING: Attachment = {
  containerId: "c",
  boot: "b",
  pid: 1,
  startTime: "1",
  gpus: [],
  started: [],
  devices: [],
  mounts: [],
};
const [WHOLE, PARENT] = [fakeGpu(0), fakeGpu(2)];
const LIBRARY = mountOf("/usr/lib/libcuda.so.1");

function mountOf(path: string, device?: DeviceNode): PlannedMount {
  return { hostPath: path, containerPath: path, kind: "library", options: [], reason, isFolder: false, device };
}

function nodeOf({ node }: typeof WHOLE): DeviceNode {
  if (node === undefined) throw new RangeError("the GPU has no node");
  return node;
}

/** A change that gives a whole GPU: its node is mounted, or is there already. */
function giving(mounted: readonly DeviceNode[], others: readonly PlannedMount[] = [LIBRARY]): Giving {
  return {
    grant: { gpus: [{ gpu: WHOLE, reason }], migDevices: [] },
    plan: {
      mounts: [...mounted.map((node) => mountOf(node.path, node)), ...others],
      devices: [{ node: nodeOf(WHOLE), reason }],
    },
  };
}

const never = (): boolean => false;
const always = (): boolean => true;
const unknown = (): undefined => undefined;
const GIVEN = { path: "/dev/nvidia1", major: 195, minor: 1 };

test("addTo records a GPU whose node is mounted, its permission, and the other mounts", () => {
  for (const permission of [never, always, unknown]) {
    expect(addTo(NOTHING, giving([nodeOf(WHOLE)]), permission)).toEqual({
      ...NOTHING,
      gpus: ["0000:00:00.0"],
      devices: [GIVEN],
      mounts: [{ hostPath: LIBRARY.hostPath, path: LIBRARY.containerPath }],
    });
  }
});

test("addTo records a GPU whose node the container has made beforehand: the permission is what it gets", () => {
  expect(addTo(NOTHING, giving([]), never)).toMatchObject({ gpus: ["0000:00:00.0"], devices: [GIVEN] });
});

test("addTo records no GPU that the container has with node and permission, or that nobody can tell", () => {
  for (const permission of [always, unknown]) expect(addTo(NOTHING, giving([], []), permission)).toEqual(NOTHING);
});

test("addTo keeps what was recorded, each once, in the order of giving", () => {
  const once = addTo(NOTHING, giving([nodeOf(WHOLE)]), never);
  expect(addTo(once, giving([nodeOf(WHOLE)]), never)).toEqual(once);
  const more = addTo(once, giving([], [mountOf("/usr/bin/nvidia-smi")]), always);
  expect(more.mounts.map(({ path }) => path)).toEqual(["/usr/lib/libcuda.so.1", "/usr/bin/nvidia-smi"]);
});

test("addTo records a MIG device, and its parent's node as a device and not as a mount", () => {
  const [device] = PARENT.migDevices;
  if (device === undefined) throw new RangeError("the GPU has no MIG device");
  const nodes = [nodeOf(PARENT), ...device.nodes];
  const record = addTo(
    NOTHING,
    {
      grant: { gpus: [], migDevices: [{ parent: PARENT, device, reason }] },
      plan: { mounts: nodes.map((node) => mountOf(node.path, node)), devices: nodes.map((node) => ({ node, reason })) },
    },
    never,
  );
  expect(record.gpus).toEqual(["0000:02:00.0/10/0"]);
  expect(record.devices.map(({ path }) => path)).toEqual(nodes.map(({ path }) => path));
  expect(record.mounts).toEqual([]);
});
