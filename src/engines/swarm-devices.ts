import type { Gpu, Host } from "../host/index.ts";

/** What of a host one task can have. */
export interface SwarmDevice {
  /** "GPU 0", "MIG device gi1 ci0 of GPU 0" */
  readonly what: string;
  /** Undefined: it was not learnt yet. */
  readonly uuid: string | undefined;
}

/** Each GPU, and of a GPU that MIG splits its MIG devices. */
export function swarmDevices({ gpus }: Pick<Host, "gpus">): readonly SwarmDevice[] {
  return gpus.flatMap(devicesOf);
}

function devicesOf({ index, uuid, migDevices }: Gpu): readonly SwarmDevice[] {
  if (migDevices.length === 0) return [{ what: `GPU ${index}`, uuid }];
  return migDevices.map((device) => ({
    what: `MIG device gi${device.gpuInstance} ci${device.computeInstance} of GPU ${index}`,
    uuid: device.uuid,
  }));
}
