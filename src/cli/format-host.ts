import { escapeControls, formatTable } from "../base/index.ts";
import { FEATURES, type DeviceNode, type Gpu, type Host, type MigDevice } from "../host/index.ts";

const HEADING = ["GPU", "minor", "PCI", "UUID", "model", "compute", "brand", "node"];
const UNKNOWN = "not known yet";

/** A host for people: the driver, a line for each GPU and MIG device, and what there is beside them. */
export function formatHost(host: Host): string {
  const root = host.root === "/" ? "" : ` (under ${host.root})`;
  if (host.driver === undefined) return `No GPU can be given: ${host.absence?.why}.\nRemedy: ${host.absence?.remedy}\n`;
  const heading = `Driver ${describeDriver(host.driver)}${root}, ${describeLibraries(host)}.\n`;
  return `${heading}${describeGpus(host)}${describeOthers(host)}`;
}

function describeDriver({ version, cuda }: NonNullable<Host["driver"]>): string {
  const newest = cuda === undefined ? "" : `, CUDA ${cuda.version}${cuda.isExact ? "" : " or newer"}`;
  return `${version ?? "of an unknown version"}${newest}`;
}

function describeLibraries({ driver, libraries, unit }: Host): string {
  const count = unit === undefined ? libraries.length : unit.items.filter(({ kind }) => kind === "library").length;
  return `${count} libraries in ${driver?.libraryFolders.join(", ")}`;
}

function describeGpus(host: Host): string {
  if (host.unit !== undefined) return `${escapeControls(host.unit.model)}: one GPU, as "all" or as 0.\n`;
  if (host.gpus.length === 0) return "No GPU.\n";
  const parts = host.gpus.flatMap(({ migDevices }) => migDevices);
  const isUnknown = [...host.gpus, ...parts].some(({ uuid }) => uuid === undefined);
  const hint = isUnknown ? '\nWhat is not known yet only the driver says: run "berth host" as root.\n' : "";
  return `\n${formatTable([HEADING, ...host.gpus.flatMap(describeGpu)])}${hint}`;
}

function describeGpu(gpu: Gpu): string[][] {
  const node = gpu.node?.path ?? `/dev/nvidia${gpu.minor} is missing`;
  const numbers = [String(gpu.index), String(gpu.minor), gpu.bus];
  const kind = [escapeControls(gpu.model), gpu.computeCapability ?? "?", gpu.brand];
  return [
    [...numbers, gpu.uuid ?? UNKNOWN, ...kind, node],
    ...gpu.migDevices.map((device) => describeMig(gpu, device)),
  ];
}

/** `gi` and `ci` as the driver's own folders have them. */
function describeMig(gpu: Gpu, { gpuInstance, computeInstance, uuid, index, profile, nodes }: MigDevice): string[] {
  const name = `MIG ${profile ?? "device"}, gi${gpuInstance} ci${computeInstance}`;
  return [`${gpu.index}:${index ?? "?"}`, "", "", uuid ?? UNKNOWN, name, "", "", shorten(nodes)];
}

/** "/dev/nvidia-caps/nvidia-cap12, nvidia-cap13" */
function shorten(nodes: readonly DeviceNode[]): string {
  const [first, ...others] = nodes.map(({ path }) => path);
  return [first ?? "its nodes are missing", ...others.map((path) => path.slice(path.lastIndexOf("/") + 1))].join(", ");
}

/** What a container may ask for beside GPUs, where there is any of it. */
function describeOthers({ imexChannels, features }: Host): string {
  const channels = imexChannels.map(({ minor }) => minor).join(", ");
  const names = FEATURES.filter((name) => features[name].nodes.length > 0).map(
    (name) => `NVIDIA_${name.toUpperCase()}`,
  );
  const lines = [
    ...(channels === "" ? [] : [`IMEX channels: ${channels}`]),
    ...(names.length === 0 ? [] : [`On request: ${names.join(", ")}`]),
  ];
  return lines.map((line) => `\n${line}\n`).join("");
}
