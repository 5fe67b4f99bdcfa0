import type { SimGpu, SimMigDevice } from "./profile.ts";

const FIRST_MINOR = 3;
const COMPUTE_INSTANCES = 8;
const GPU_INSTANCES = 15;
const GPUS = 32;
const PER_INSTANCE = 1 + COMPUTE_INSTANCES;
const PER_GPU = GPU_INSTANCES * PER_INSTANCE;

/** Minors of the nodes that configure and watch MIG (/dev/nvidia-caps/nvidia-cap1 and nvidia-cap2). */
export const MIG_CONFIG_MINOR = 1;
export const MIG_MONITOR_MINOR = 2;

/**
 * Minors of the two capability nodes of a MIG device: the kernel module numbers 15 GPU instances with 8 compute
 * instances each per GPU, by the GPU's minor (nv-caps.c of the 570 drivers).
 */
export function capabilityMinors(
  gpu: Pick<SimGpu, "minor">,
  device: Pick<SimMigDevice, "gpuInstance" | "computeInstance">,
): { readonly gpuInstance: number; readonly computeInstance: number } {
  const gpuInstance = FIRST_MINOR + gpu.minor * PER_GPU + device.gpuInstance * PER_INSTANCE;
  return { gpuInstance, computeInstance: gpuInstance + 1 + device.computeInstance };
}

/** The node by which an IMEX domain is managed comes behind those of the last GPU: nvidia-cap4323. */
export const FABRIC_IMEX_MINOR = FIRST_MINOR + GPUS * PER_GPU;

/** The slices of a profile's instances: "2c.3g.40gb" is a compute instance of 2 in a GPU instance of 3, "3g.40gb" of 3 in 3. */
export function instanceSlices(profile: string): { readonly gpu: number; readonly compute: number } {
  const [, compute, gpu = ""] = /^(?:(\d)c\.)?(\d)g\./.exec(profile) ?? [];
  return { gpu: Number(gpu), compute: Number(compute ?? gpu) };
}

/** /proc/driver/nvidia-caps/mig-minors: every possible instance of 32 GPUs, whether it exists or not. */
export function formatMigMinors(): string {
  const lines = [`config ${MIG_CONFIG_MINOR}`, `monitor ${MIG_MONITOR_MINOR}`];
  let minor = FIRST_MINOR;
  for (let gpu = 0; gpu < GPUS; gpu++) {
    for (let instance = 0; instance < GPU_INSTANCES; instance++) {
      lines.push(`gpu${gpu}/gi${instance}/access ${minor++}`);
      for (let compute = 0; compute < COMPUTE_INSTANCES; compute++) {
        lines.push(`gpu${gpu}/gi${instance}/ci${compute}/access ${minor++}`);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}
