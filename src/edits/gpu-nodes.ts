import { gpusOf, type Grant } from "../grant/index.ts";
import type { DeviceNode, Gpu } from "../host/index.ts";
import type { DeviceEdit, LinkEdit } from "./edits.ts";
import { whyNeeded } from "./needs.ts";

/**
 * The nodes of the granted GPUs, by index: the GPU's own and, for graphics and display, its DRM nodes. A MIG device is its parent's node and the
 * capability nodes of its two instances; it has DRM nodes only when its profile draws (`+gfx`). Each node once.
 */
export function gpuNodes(grant: Grant): DeviceEdit[] {
  const nodes = new Map<string, DeviceEdit>();
  const add = (node: DeviceNode | undefined, reason: string): void => {
    if (node !== undefined && !nodes.has(node.path)) nodes.set(node.path, { node, reason });
  };
  for (const { gpu, reason } of grant.gpus) add(gpu.node, `GPU ${gpu.index}: ${reason}`);
  for (const { parent, device, reason } of grant.migDevices) {
    const name = `GPU ${parent.index}, GPU instance ${device.gpuInstance}, compute instance ${device.computeInstance}`;
    add(parent.node, `parent of a MIG device: GPU ${parent.index}: ${reason}`);
    for (const node of device.nodes) add(node, `MIG device of ${name}: ${reason}`);
  }
  for (const { gpu, reason } of drawingGpus(grant)) for (const node of gpu.drmNodes) add(node, reason);
  return [...nodes.values()];
}

/** The names of those DRM nodes by PCI address. */
export function gpuLinks(grant: Grant): LinkEdit[] {
  return drawingGpus(grant).flatMap(({ gpu, reason }) =>
    gpu.drmLinks.map(({ path, target }) => ({ path, target, reason })),
  );
}

/** The GPUs that a container may draw with, each once. */
function drawingGpus(grant: Grant): readonly { readonly gpu: Gpu; readonly reason: string }[] {
  const drawing = whyNeeded(grant, ["graphics", "display"]);
  if (drawing === undefined) return [];
  const parts = grant.migDevices.filter(({ device }) => device.profile?.includes("+gfx") === true);
  return gpusOf({ gpus: grant.gpus, migDevices: parts }).map((gpu) => ({
    gpu,
    reason: `GPU ${gpu.index}, ${drawing}`,
  }));
}
