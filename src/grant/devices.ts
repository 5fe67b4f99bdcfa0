import { BerthError, escapeControls } from "../base/index.ts";
import type { Gpu, Host } from "../host/index.ts";
import type { DeviceRequest, Request } from "../request/index.ts";
import type { Grant, GrantedMigDevice } from "./grant.ts";

type GrantedDevices = Pick<Grant, "gpus" | "migDevices">;

/**
 * The devices of a container, by index. `all` is every GPU that is not split by MIG and every MIG device of the others; an index or
 * UUID is that whole GPU. Throws BERTH-R001 for a device that this host does not have, and for `all` where there is none.
 */
export function grantDevices(request: Request, host: Host): GrantedDevices {
  const reason = escapeControls(request.devicesOrigin.text);
  const isAll = request.devices.some(({ kind }) => kind === "all");
  const gpus = isAll ? host.gpus.filter((gpu) => !gpu.isMigEnabled) : findGpus(request.devices, host);
  const migDevices = isAll ? allMigDevices(host, reason) : [];
  // Whoever asks for GPUs is never started without one.
  if (isAll && gpus.length + migDevices.length === 0) refuseAll(host);
  return { gpus: gpus.toSorted((a, b) => a.index - b.index).map((gpu) => ({ gpu, reason })), migDevices };
}

function allMigDevices(host: Host, reason: string): GrantedMigDevice[] {
  const split = host.gpus.filter((gpu) => gpu.isMigEnabled);
  return split.flatMap((parent) => parent.migDevices.map((device) => ({ parent, device, reason })));
}

function findGpus(devices: readonly DeviceRequest[], host: Host): Gpu[] {
  // An index and a UUID may name the same GPU.
  return [...new Set(devices.map((device) => findGpu(device, host)))];
}

function findGpu(device: DeviceRequest, host: Host): Gpu {
  switch (device.kind) {
    case "all":
      throw new TypeError("all GPUs are not one");
    case "index":
      return (
        host.gpus[device.index] ?? refuse(`GPU ${device.index}`, whatThereIs(host), 'list the GPUs with "berth host"')
      );
    case "uuid":
      return (
        host.gpus.find(({ uuid }) => uuid?.toLowerCase() === device.uuid.toLowerCase()) ?? refuseUuid(device.uuid, host)
      );
  }
}

function refuseAll(host: Host): never {
  const why =
    host.gpus.length === 0 ? whatThereIs(host) : "MIG is on for every GPU of this host, and no MIG device was made";
  const remedy =
    host.gpus.length === 0
      ? 'look at "nvidia-smi -L" and "lspci -d 10de:"'
      : "make some with: nvidia-smi mig -cgi ID -C";
  return refuse("any GPU", why, remedy);
}

function whatThereIs(host: Host): string {
  if (host.gpus.length === 0) return "this host has no GPU";
  if (host.gpus.length === 1) return "this host has one GPU, 0";
  return `this host has ${host.gpus.length} GPUs, 0 to ${host.gpus.length - 1}`;
}

function refuseUuid(uuid: string, host: Host): never {
  const unknown = host.gpus.filter((gpu) => gpu.uuid === undefined);
  if (unknown.length > 0) {
    const why = `the driver has not yet told the UUIDs of GPU ${unknown.map(({ index }) => index).join(", ")}`;
    return refuse(uuid, why, 'run "nvidia-smi -L" once on the host, or ask by index');
  }
  const near = host.gpus.find(
    (gpu) => gpu.uuid !== undefined && distance(gpu.uuid.toLowerCase(), uuid.toLowerCase()) <= 4,
  );
  const hint = near === undefined ? "" : `; did you mean ${near.uuid} (GPU ${near.index})?`;
  return refuse(uuid, `no GPU of this host has this UUID${hint}`, 'list the GPUs with "berth host"');
}

/** How many characters of two texts of one length differ; the texts of UUIDs always have one length. */
function distance(a: string, b: string): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.split("").filter((character, index) => character !== b[index]).length;
}

function refuse(device: string, why: string, remedy: string): never {
  throw new BerthError({ code: "BERTH-R001", message: `Cannot find ${device}: ${why}`, remedy });
}
