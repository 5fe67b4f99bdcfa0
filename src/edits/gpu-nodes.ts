import type { Grant } from "../grant/index.ts";
import type { DeviceNode } from "../host/index.ts";
import type { DeviceEdit } from "./edits.ts";
import { whyNeeded } from "./needs.ts";

/**
 * The nodes of the granted GPUs, by index: the GPU's own and, for graphics and display, its DRM nodes. A MIG device is its parent's
 * node and the capability nodes of its two instances. Each node once.
 */
export function gpuNodes(grant: Grant): DeviceEdit[] {
  const drawing = whyNeeded(grant, ["graphics", "display"]);
  const nodes = new Map<string, DeviceEdit>();
  const add = (node: DeviceNode | undefined, reason: string): void => {
    if (node !== undefined && !nodes.has(node.path)) nodes.set(node.path, { node, reason });
  };
  for (const { gpu, reason } of grant.gpus) {
    add(gpu.node, `GPU ${gpu.index}: ${reason}`);
    if (drawing === undefined) continue;
    for (const node of gpu.drmNodes) add(node, `GPU ${gpu.index}, ${drawing}`);
  }
  for (const { parent, device, reason } of grant.migDevices) {
    const name = `GPU ${parent.index}, GPU instance ${device.gpuInstance}, compute instance ${device.computeInstance}`;
    add(parent.node, `parent of a MIG device: GPU ${parent.index}: ${reason}`);
    for (const node of device.nodes) add(node, `MIG device of ${name}: ${reason}`);
  }
  return [...nodes.values()];
}
