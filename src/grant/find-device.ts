import type { Gpu, Host, MigDevice } from "../host/index.ts";
import type { DeviceRequest } from "../request/index.ts";
import { findByUuid, notFound } from "./find-by-uuid.ts";

/** A whole GPU, or one part of it. */
export interface FoundDevice {
  readonly gpu: Gpu;
  readonly mig: MigDevice | undefined;
}

type One = Exclude<DeviceRequest, { kind: "all" }>;

const LIST = 'list the devices with "berth host"';
const LEARN = 'run "berth host" once as root, which asks the driver for it and keeps the answer';

/** The device of this host that a request names. Throws BERTH-R001 when there is none, more than one, or it cannot be known. */
export function findDevice(request: One, host: Host): FoundDevice {
  switch (request.kind) {
    case "index":
      return whole(findByIndex(request.index, `GPU ${request.index}`, host));
    case "pci":
      return whole(findByBus(request.bus, host));
    case "gpu-uuid":
      return whole(findGpuByUuid(request.prefix, host));
    case "mig-uuid":
      return findMigByUuid(request.prefix, host);
    case "mig-index":
      return findMigByIndex(request, host);
    case "mig-parts":
      return findMigByParts(request, host);
  }
}

/** "this host has 8 GPUs, 0 to 7" */
export function whatThereIs(host: Host): string {
  if (host.gpus.length === 0) return "this host has no GPU";
  if (host.gpus.length === 1) return "this host has one GPU, 0";
  return `this host has ${host.gpus.length} GPUs, 0 to ${host.gpus.length - 1}`;
}

/** Throws the BERTH-R001 error for a device. */
export function refuse(device: string, why: string, remedy: string): never {
  throw notFound(device, why, remedy);
}

function whole(gpu: Gpu): FoundDevice {
  return { gpu, mig: undefined };
}

function findByIndex(index: number, name: string, host: Host): Gpu {
  return host.gpus[index] ?? refuse(name, whatThereIs(host), LIST);
}

function findByBus(bus: string, host: Host): Gpu {
  const places = host.gpus.length === 0 ? "" : `, at ${host.gpus.map((gpu) => gpu.bus).join(", ")}`;
  return host.gpus.find((gpu) => gpu.bus === bus) ?? refuse(`the GPU at ${bus}`, whatThereIs(host) + places, LIST);
}

function findGpuByUuid(prefix: string, host: Host): Gpu {
  const unknown = host.gpus.filter(({ uuid }) => uuid === undefined).map(({ index }) => index);
  return findByUuid(
    prefix,
    host.gpus.map((gpu) => ({ uuid: gpu.uuid, item: gpu, name: `GPU ${gpu.index}` })),
    {
      nothing: "no GPU of this host has this UUID",
      unknown: {
        why: `the driver has not yet told the UUIDs of GPU ${unknown.join(", ")}`,
        remedy: 'run "nvidia-smi -L" or "berth host" once on the host, or ask by index',
      },
    },
  );
}

function findMigByUuid(prefix: string, host: Host): FoundDevice {
  const parts = host.gpus.flatMap((gpu) =>
    gpu.migDevices.map((mig) => ({ uuid: mig.uuid, item: { gpu, mig }, name: `a part of GPU ${gpu.index}` })),
  );
  if (parts.length === 0) return refuse(prefix, "this host has no MIG device", LIST);
  return findByUuid(prefix, parts, {
    nothing: "no MIG device of this host has this UUID",
    unknown: { why: "the UUIDs of this host's MIG devices are not known yet", remedy: LEARN },
  });
}

function findMigByIndex({ gpu: index, mig: number }: Extract<One, { kind: "mig-index" }>, host: Host): FoundDevice {
  const name = `MIG device ${index}:${number}`;
  const gpu = findByIndex(index, name, host);
  const { length } = gpu.migDevices;
  if (!gpu.isMigEnabled) return refuse(name, `MIG is off on GPU ${index}, or nothing was made there`, LIST);
  const mig = gpu.migDevices.find((device) => device.index === number);
  if (mig !== undefined) return { gpu, mig };
  if (gpu.migDevices.some((device) => device.index === undefined)) {
    return refuse(name, `the order of the MIG devices of GPU ${index} is not known yet`, LEARN);
  }
  return refuse(name, `GPU ${index} has ${length} MIG devices, ${index}:0 to ${index}:${length - 1}`, LIST);
}

function findMigByParts(request: Extract<One, { kind: "mig-parts" }>, host: Host): FoundDevice {
  const { gpuUuid, gpuInstance, computeInstance } = request;
  const gpu = findGpuByUuid(gpuUuid, host);
  const mig = gpu.migDevices.find((one) => one.gpuInstance === gpuInstance && one.computeInstance === computeInstance);
  if (mig !== undefined) return { gpu, mig };
  const why = `GPU ${gpu.index} has no compute instance ${computeInstance} in a GPU instance ${gpuInstance}`;
  return refuse(`MIG-${gpuUuid}/${gpuInstance}/${computeInstance}`, why, LIST);
}
