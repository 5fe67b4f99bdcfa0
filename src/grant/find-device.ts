import { BerthError } from "../base/index.ts";
import type { Gpu, Host, MigDevice } from "../host/index.ts";
import type { DeviceRequest } from "../request/index.ts";

/** A whole GPU, or one part of it. */
export interface FoundDevice {
  readonly gpu: Gpu;
  readonly mig: MigDevice | undefined;
}

const LIST = 'list the devices with "berth host"';

/** The device of this host that a request names. Throws BERTH-R001 when there is none, more than one, or it cannot be known. */
export function findDevice(request: Exclude<DeviceRequest, { kind: "all" }>, host: Host): FoundDevice {
  switch (request.kind) {
    case "index":
      return whole(host.gpus[request.index] ?? refuse(`GPU ${request.index}`, whatThereIs(host), LIST));
    case "pci":
      return whole(
        host.gpus.find(({ bus }) => bus === request.bus) ??
          refuse(
            `the GPU at ${request.bus}`,
            `${whatThereIs(host)}, at ${host.gpus.map(({ bus }) => bus).join(", ")}`,
            LIST,
          ),
      );
    case "gpu-uuid":
      return whole(findByUuid(request.prefix, host));
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

export function refuse(device: string, why: string, remedy: string): never {
  throw new BerthError({ code: "BERTH-R001", message: `Cannot find ${device}: ${why}`, remedy });
}

function whole(gpu: Gpu): FoundDevice {
  return { gpu, mig: undefined };
}

function findByUuid(prefix: string, host: Host): Gpu {
  const [gpu, ...others] = host.gpus.filter(({ uuid }) => startsWith(uuid, prefix));
  const unknown = host.gpus.filter(({ uuid }) => uuid === undefined);
  // One that is not known yet may begin in the same way: only a whole UUID is this GPU's alone.
  const isSure = unknown.length === 0 || gpu?.uuid?.length === prefix.length;
  if (gpu !== undefined && others.length === 0 && isSure) return gpu;
  if (others.length > 0) {
    const names = [gpu, ...others].map((one) => one?.uuid).join(", ");
    return refuse(prefix, `it is the beginning of ${others.length + 1} UUIDs (${names})`, "write more of it");
  }
  if (unknown.length > 0) {
    const why = `the driver has not yet told the UUIDs of GPU ${unknown.map(({ index }) => index).join(", ")}`;
    return refuse(prefix, why, 'run "nvidia-smi -L" once on the host, or ask by index');
  }
  const near = host.gpus.find(({ uuid }) => uuid !== undefined && distance(uuid, prefix) <= 4);
  const hint = near === undefined ? "" : `; did you mean ${near.uuid} (GPU ${near.index})?`;
  return refuse(prefix, `no GPU of this host has this UUID${hint}`, LIST);
}

function findMigByUuid(prefix: string, host: Host): FoundDevice {
  const parts = allParts(host);
  const [found, ...others] = parts.filter(({ mig }) => startsWith(mig?.uuid, prefix));
  const isWhole = found?.mig?.uuid?.length === prefix.length;
  const isUnknown = parts.some(({ mig }) => mig?.uuid === undefined);
  if (found !== undefined && others.length === 0 && (isWhole || !isUnknown)) return found;
  if (others.length > 0) return refuse(prefix, `it is the beginning of ${others.length + 1} UUIDs`, "write more of it");
  if (parts.length === 0) return refuse(prefix, "this host has no MIG device", LIST);
  if (isUnknown) return refuse(prefix, "the UUIDs of this host's MIG devices are not known yet", LEARN);
  const near = parts.find(({ mig }) => mig?.uuid !== undefined && distance(mig.uuid, prefix) <= 4);
  const hint = near === undefined ? "" : `; did you mean ${near.mig?.uuid}?`;
  return refuse(prefix, `no MIG device of this host has this UUID${hint}`, LIST);
}

const LEARN = 'run "berth host" once as root, which asks the driver for it and keeps the answer';

function findMigByIndex({ gpu: index, mig: number }: { gpu: number; mig: number }, host: Host): FoundDevice {
  const name = `MIG device ${index}:${number}`;
  const gpu = host.gpus[index] ?? refuse(name, whatThereIs(host), LIST);
  if (!gpu.isMigEnabled) return refuse(name, `MIG is off on GPU ${index}, or nothing was made there`, LIST);
  const mig = gpu.migDevices.find((device) => device.index === number);
  if (mig !== undefined) return { gpu, mig };
  if (gpu.migDevices.some((device) => device.index === undefined)) {
    return refuse(name, `the order of the MIG devices of GPU ${index} is not known yet`, LEARN);
  }
  return refuse(
    name,
    `GPU ${index} has ${gpu.migDevices.length} MIG devices, ${index}:0 to ${index}:${gpu.migDevices.length - 1}`,
    LIST,
  );
}

function findMigByParts(
  { gpuUuid, gpuInstance, computeInstance }: Extract<DeviceRequest, { kind: "mig-parts" }>,
  host: Host,
): FoundDevice {
  const gpu = findByUuid(gpuUuid, host);
  const mig = gpu.migDevices.find((one) => one.gpuInstance === gpuInstance && one.computeInstance === computeInstance);
  if (mig !== undefined) return { gpu, mig };
  const why = `GPU ${gpu.index} has no compute instance ${computeInstance} in a GPU instance ${gpuInstance}`;
  return refuse(`MIG-${gpuUuid}/${gpuInstance}/${computeInstance}`, why, LIST);
}

function allParts(host: Host): readonly FoundDevice[] {
  return host.gpus.flatMap((gpu) => gpu.migDevices.map((mig) => ({ gpu, mig })));
}

function startsWith(uuid: string | undefined, prefix: string): boolean {
  return uuid?.toLowerCase().startsWith(prefix.toLowerCase()) ?? false;
}

/** How many characters of two texts of one length differ. */
function distance(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.split("").filter((character, index) => character !== b[index]).length;
}
