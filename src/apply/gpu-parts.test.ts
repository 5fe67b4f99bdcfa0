import { expect, test } from "bun:test";
import { fakeGpu } from "../grant/fake-host.test-helper.ts";
import { gpuParts } from "./gpu-parts.ts";

const reason = "a test";

test("gpuParts: a whole GPU has its node and its DRM nodes and links for itself, and no parent", () => {
  const gpu = fakeGpu(0);
  const [part, ...others] = gpuParts({ gpus: [{ gpu, reason }], migDevices: [] });
  expect(others).toEqual([]);
  expect(part).toMatchObject({ key: "0000:00:00.0", name: "GPU 0", gpu, parentNode: undefined, links: gpu.drmLinks });
  expect(part?.nodes.map(({ path }) => path)).toEqual(["/dev/nvidia1", "/dev/dri/card0", "/dev/dri/renderD128"]);
});

test("gpuParts: MIG devices of one GPU have nodes of their own and share their parent's", () => {
  const parent = fakeGpu(2);
  const parts = gpuParts({ gpus: [], migDevices: parent.migDevices.map((device) => ({ parent, device, reason })) });
  expect(parts.map(({ key, name }) => [key, name])).toEqual([
    ["0000:02:00.0/10/0", "MIG device 10/0 of GPU 2"],
    ["0000:02:00.0/20/0", "MIG device 20/0 of GPU 2"],
  ]);
  expect(parts.map(({ parentNode }) => parentNode?.path)).toEqual(["/dev/nvidia3", "/dev/nvidia3"]);
  expect(parts.map(({ nodes }) => nodes.map(({ minor }) => minor))).toEqual([
    [210, 211],
    [220, 221],
  ]);
  expect(parts.flatMap(({ links }) => links)).toEqual([]);
});

test("gpuParts has whole GPUs first, and no node for a GPU that has none", () => {
  const [whole, parent] = [fakeGpu(4, { node: undefined, drmNodes: [], drmLinks: [] }), fakeGpu(2)];
  const [device] = parent.migDevices;
  if (device === undefined) throw new RangeError("the GPU has no MIG device");
  const parts = gpuParts({ gpus: [{ gpu: whole, reason }], migDevices: [{ parent, device, reason }] });
  expect(parts.map(({ key }) => key)).toEqual(["0000:04:00.0", "0000:02:00.0/10/0"]);
  expect(parts[0]?.nodes).toEqual([]);
});
