import { formatTable, VERSION } from "../base/index.ts";
import { loadHost, rememberUuids, type Gpu, type Host } from "../host/index.ts";
import { stateFolder } from "./state-folder.ts";
import type { World } from "./context.ts";

/** `berth host`: what the machine has, for a reader or, with --json, for a program. */
export function printHost(this: World, flags: { readonly json?: boolean }): void {
  const { host } = loadHost(this.root, { stateDir: stateFolder(this), version: VERSION, isRefresh: true });
  rememberUuids(host);
  this.print(flags.json === true ? `${JSON.stringify(host, null, 2)}\n` : describe(host));
  for (const warning of host.warnings) this.note(`warning: ${warning}\n`);
}

function describe(host: Host): string {
  const root = host.root === "/" ? "" : ` (under ${host.root})`;
  if (host.driver === undefined) return `No NVIDIA driver is loaded${root}.\n`;
  const libraries = `${host.libraries.length} libraries in ${host.driver.libraryFolders.join(", ")}`;
  const heading = `Driver ${host.driver.version}${root}, ${libraries}.\n`;
  if (host.gpus.length === 0) return `${heading}No GPU.\n`;
  const rows = host.gpus.map(describeGpu);
  return `${heading}\n${formatTable([["GPU", "node", "PCI", "UUID", "model", ""], ...rows])}`;
}

function describeGpu(gpu: Gpu): string[] {
  const mig = gpu.isMigEnabled ? `MIG: ${gpu.migDevices.length} devices` : "";
  const node = gpu.node?.path ?? `/dev/nvidia${gpu.minor} is missing`;
  return [String(gpu.index), node, gpu.bus, gpu.uuid ?? "not known yet", gpu.model, mig];
}
