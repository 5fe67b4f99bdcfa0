import type { Grant } from "../grant/index.ts";
import type { DeviceNode, Gpu, HostLink } from "../host/index.ts";

/** What of a container is one GPU's, or one MIG device's. */
export interface GpuPart {
  /** "0000:1b:00.0", or "0000:1b:00.0/1/0" for GPU and compute instance: as long as the MIG layout stays. */
  readonly key: string;
  /** "GPU 3", for messages. */
  readonly name: string;
  readonly gpu: Gpu;
  /** No other device has them. */
  readonly nodes: readonly DeviceNode[];
  /** The parent's node, which the MIG devices of one GPU share. */
  readonly parentNode: DeviceNode | undefined;
  readonly links: readonly HostLink[];
}

/** The devices of a grant, whole GPUs first. */
export function gpuParts({ gpus, migDevices }: Pick<Grant, "gpus" | "migDevices">): readonly GpuPart[] {
  const whole = gpus.map(({ gpu }): GpuPart => {
    const nodes = [...(gpu.node === undefined ? [] : [gpu.node]), ...gpu.drmNodes];
    return { key: gpu.bus, name: `GPU ${gpu.index}`, gpu, nodes, parentNode: undefined, links: gpu.drmLinks };
  });
  const parts = migDevices.map(({ parent, device }): GpuPart => {
    const instances = `${device.gpuInstance}/${device.computeInstance}`;
    return {
      key: `${parent.bus}/${instances}`,
      name: `MIG device ${instances} of GPU ${parent.index}`,
      gpu: parent,
      nodes: device.nodes,
      parentNode: parent.node,
      links: [],
    };
  });
  return [...whole, ...parts];
}
