import { errnoCode, escapeControls, formatTable } from "../base/index.ts";
import { describeHost, rememberUuids, type DeviceNode, type Gpu, type Host, type MigDevice } from "../host/index.ts";
import type { World } from "./context.ts";
import { findSite } from "./site.ts";

/** `berth host`: what the machine has, for a reader or, with --json, for a program. */
export function printHost(this: World, flags: { readonly json?: boolean }): void {
  const { root, config } = findSite(this);
  const host = describeHost(root, { driverRoot: config.driverRoot });
  keepUuids(host);
  this.print(flags.json === true ? formatJson(host) : describe(host));
  for (const warning of host.warnings) this.note(`warning: ${escapeControls(warning)}\n`);
}

/** For a time when the driver does not say them. Whoever may not write there only looks. */
function keepUuids(host: Host): void {
  try {
    rememberUuids(host);
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(errnoCode(error) ?? "")) throw error;
  }
}

/** Every field is always there: what is not known is null. */
function formatJson(host: Host): string {
  const fields = { ...host, driver: host.driver ?? null, gpus: host.gpus.map(gpuToJson) };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

function gpuToJson(gpu: Gpu): object {
  const migDevices = gpu.migDevices.map((device) => ({ ...device, uuid: device.uuid ?? null }));
  return { ...gpu, uuid: gpu.uuid ?? null, node: gpu.node ?? null, migDevices };
}

const HEADING = ["GPU", "minor", "PCI", "UUID", "model", "node"];

function describe(host: Host): string {
  const root = host.root === "/" ? "" : ` (under ${host.root})`;
  if (host.driver === undefined) return `No NVIDIA driver is loaded${root}.\n`;
  const libraries = `${host.libraries.length} libraries in ${host.driver.libraryFolders.join(", ")}`;
  const heading = `Driver ${host.driver.version}${root}, ${libraries}.\n`;
  if (host.gpus.length === 0) return `${heading}No GPU.\n`;
  const isUnknown = host.gpus.some((gpu) => gpu.uuid === undefined);
  const hint = isUnknown ? '\nThe driver says a UUID once the GPU was used: run "nvidia-smi -L" on the host.\n' : "";
  return `${heading}\n${formatTable([HEADING, ...host.gpus.flatMap(describeGpu)])}${hint}`;
}

function describeGpu(gpu: Gpu): string[][] {
  const node = gpu.node?.path ?? `/dev/nvidia${gpu.minor} is missing`;
  const numbers = [String(gpu.index), String(gpu.minor), gpu.bus];
  const row = [...numbers, gpu.uuid ?? "not known yet", escapeControls(gpu.model), node];
  return [row, ...gpu.migDevices.map(describeMigDevice)];
}

function describeMigDevice({ gpuInstance, computeInstance, uuid, nodes }: MigDevice): string[] {
  const name = `MIG: GPU instance ${gpuInstance}, compute instance ${computeInstance}`;
  return ["", "", "", uuid ?? "not known yet", name, nodes.map(({ path }: DeviceNode) => path).join(" ")];
}
