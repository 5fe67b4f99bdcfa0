import {
  countGpus,
  listMigHandles,
  openGpu,
  readComputeCapability,
  readCudaVersion,
  readDriverVersion,
  readMigMode,
  readNumber,
  readPciAddress,
  readText,
  type Handle,
} from "./device.ts";
import type { Nvml } from "./library.ts";
import { NvmlError } from "./return-codes.ts";

/** What the driver says of a machine. Everything but numbers may be missing: not every driver and GPU says all. */
export interface NvmlInventory {
  /** "570.133.20" */
  readonly driverVersion: string | undefined;
  /** "12.8" */
  readonly cudaVersion: string | undefined;
  readonly gpus: readonly NvmlGpu[];
  /** GPUs that could not be asked. */
  readonly skipped: readonly SkippedGpu[];
}

export interface NvmlGpu {
  /** NVML's number of it. */
  readonly index: number;
  /** "0000:1b:00.0" */
  readonly bus: string;
  readonly uuid: string | undefined;
  readonly name: string | undefined;
  /** `nvmlBrandType_t` */
  readonly brand: number | undefined;
  /** "9.0" */
  readonly computeCapability: string | undefined;
  /** Undefined for a GPU that cannot be divided. */
  readonly isMigEnabled: boolean | undefined;
  readonly migDevices: readonly NvmlMigDevice[];
}

export interface NvmlMigDevice {
  /** NVML's number within its GPU. */
  readonly index: number;
  readonly gpuInstance: number;
  readonly computeInstance: number;
  readonly uuid: string | undefined;
  /** "NVIDIA A100-SXM4-40GB MIG 1g.5gb" */
  readonly name: string | undefined;
}

export interface SkippedGpu {
  readonly index: number;
  /** "nvmlDeviceGetHandleByIndex_v2: GPU_IS_LOST" */
  readonly why: string;
}

/** Asks for everything. A GPU that fails is skipped with its reason, and the others are asked all the same. */
export function takeInventory(nvml: Nvml): NvmlInventory {
  const gpus: NvmlGpu[] = [];
  const skipped: SkippedGpu[] = [];
  const count = countGpus(nvml);
  for (let index = 0; index < count; index += 1) {
    const gpu = attempt(() => describeGpu(nvml, index));
    if (gpu instanceof NvmlError) skipped.push({ index, why: gpu.message });
    else gpus.push(gpu);
  }
  const [driverVersion, cudaVersion] = [readDriverVersion, readCudaVersion].map((read) => attempt(() => read(nvml)));
  return { driverVersion: textOrNone(driverVersion), cudaVersion: textOrNone(cudaVersion), gpus, skipped };
}

function describeGpu(nvml: Nvml, index: number): NvmlGpu {
  const gpu = openGpu(nvml, index) ?? fail("handle");
  const isMigEnabled = readMigMode(nvml, gpu);
  return {
    index,
    bus: readPciAddress(nvml, gpu) ?? fail("PCI address"),
    uuid: readText(nvml, "uuid", gpu),
    name: readText(nvml, "name", gpu),
    brand: readNumber(nvml, "brand", gpu),
    computeCapability: readComputeCapability(nvml, gpu),
    isMigEnabled,
    migDevices: isMigEnabled === true ? listMigDevices(nvml, gpu) : [],
  };
}

function listMigDevices(nvml: Nvml, gpu: Handle): readonly NvmlMigDevice[] {
  return listMigHandles(nvml, gpu).map(({ index, device }) => ({
    index,
    gpuInstance: readNumber(nvml, "gpuInstance", device) ?? fail("GPU instance"),
    computeInstance: readNumber(nvml, "computeInstance", device) ?? fail("compute instance"),
    uuid: readText(nvml, "uuid", device),
    name: readText(nvml, "name", device),
  }));
}

/** What the work gives, or why NVML failed. */
function attempt<T>(work: () => T): T | NvmlError {
  try {
    return work();
  } catch (error) {
    if (error instanceof NvmlError) return error;
    throw error;
  }
}

function textOrNone(value: string | NvmlError | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function fail(what: string): never {
  throw new NvmlError(`its ${what}`, "the driver does not say it");
}
