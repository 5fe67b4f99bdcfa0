import { escapeControls, formatTable } from "../base/index.ts";
import {
  describeHost,
  hostOptions,
  rememberFacts,
  type DeviceNode,
  type Gpu,
  type Host,
  type MigDevice,
} from "../host/index.ts";
import type { World } from "./context.ts";
import { findSite } from "./site.ts";

interface Flags {
  readonly json?: boolean;
  readonly noLearn?: boolean;
}

/** `berth host`: what the machine has, for a reader or, with --json, for a program; learnt from the driver on the way. */
export async function printHost(this: World, { json, noLearn }: Flags): Promise<void> {
  const { root, config } = findSite(this);
  const options = hostOptions(config);
  const described = describeHost(root, options);
  const { learnt, complaints } = await look(described, this.executable, noLearn !== true);
  const host = describeHost(root, { ...options, learnt });
  this.print(json === true ? formatJson(host) : describe(host));
  for (const warning of [...host.warnings, ...complaints]) this.note(`warning: ${escapeControls(warning)}\n`);
}

/** Whoever may not keep what is learnt only looks. */
async function look(host: Host, executable: string, isToLearn: boolean) {
  if (!isToLearn || host.gpus.length === 0) return { ...rememberFacts(host), complaints: [] };
  const { learn } = await import("./learn.ts");
  return learn(host, executable);
}

/** Every field is always there: what is not known is null. */
function formatJson(host: Host): string {
  return `${JSON.stringify(host, (_, value: unknown) => value ?? null, 2)}\n`;
}

const HEADING = ["GPU", "minor", "PCI", "UUID", "model", "compute", "brand", "node"];

function describe(host: Host): string {
  const root = host.root === "/" ? "" : ` (under ${host.root})`;
  if (host.driver === undefined) return `No NVIDIA driver is loaded${root}.\n`;
  const { version = "of an unknown version", cuda, libraryFolders } = host.driver;
  const newest = cuda === undefined ? "" : `, CUDA ${cuda.version}${cuda.isExact ? "" : " or newer"}`;
  const libraries = `${host.libraries.length} libraries in ${libraryFolders.join(", ")}`;
  const heading = `Driver ${version}${newest}${root}, ${libraries}.\n`;
  if (host.unit !== undefined) return `${heading}${escapeControls(host.unit.model)}, as a whole.\n`;
  if (host.gpus.length === 0) return `${heading}No GPU.\n`;
  const isUnknown = host.gpus.some((gpu) => gpu.uuid === undefined);
  const hint = isUnknown ? '\nThe driver says a UUID once the GPU was used: run "nvidia-smi -L" on the host.\n' : "";
  return `${heading}\n${formatTable([HEADING, ...host.gpus.flatMap(describeGpu)])}${hint}`;
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

const UNKNOWN = "not known yet";

function describeMig(gpu: Gpu, { gpuInstance, computeInstance, uuid, index, profile, nodes }: MigDevice): string[] {
  const name = `${profile ?? "MIG"}: GPU instance ${gpuInstance}, compute instance ${computeInstance}`;
  const paths = nodes.map(({ path }: DeviceNode) => path).join(" ");
  return [`${gpu.index}:${index ?? "?"}`, "", "", uuid ?? UNKNOWN, name, "", "", paths];
}
