import { BerthError } from "../base/index.ts";
import { nodesRemedy, type Gpu, type Host } from "../host/index.ts";
import { gpusOf } from "./gpus-of.ts";
import type { Grant } from "./grant.ts";

/** A MIG device is opened through the nodes of its GPU instance and its compute instance. */
const MIG_NODES = 2;

/**
 * Throws BERTH-D003 unless this host has the nodes without which the granted devices could not be used: nvidiactl,
 * nvidia-uvm for compute, each GPU's own, both of each MIG device. A grant without a device needs none.
 */
export function checkNodes(grant: Grant, host: Host): void {
  checkUnit(grant, host);
  if (grant.gpus.length + grant.migDevices.length === 0) return;
  checkControlNode("/dev/nvidiactl", host);
  // Without it every CUDA call fails inside, in words that do not lead here.
  const isForCuda = grant.capabilities.some(({ name }) => name === "compute");
  if (isForCuda) checkControlNode("/dev/nvidia-uvm", host);
  for (const gpu of gpusOf(grant)) checkGpuNode(gpu, host);
  for (const { parent, device } of grant.migDevices) {
    if (device.nodes.length >= MIG_NODES) continue;
    const name = `MIG device ${device.gpuInstance}/${device.computeInstance} of GPU ${parent.index}`;
    throw missing(name, "a device node in /dev/nvidia-caps is missing or is another device", nodesRemedy(host));
  }
}

/** A GPU of WSL or Tegra whose nodes are all missing is none. */
function checkUnit({ unit }: Grant, host: Host): void {
  if (unit?.hasNodes !== true || unit.unit.items.some(({ kind }) => kind === "node")) return;
  const [warning = "nothing on this host lists its device nodes"] = host.warnings;
  throw missing(unit.unit.model, `it has no device node: ${warning}`, 'look at what "berth host" warns of');
}

function checkControlNode(path: string, host: Host): void {
  if (host.controlNodes.some((node) => node.path === path)) return;
  throw missing(
    "a GPU",
    `the device node "${onHost(host, path)}" is missing or is another device`,
    `${nodesRemedy(host)} --load-modules`,
  );
}

function checkGpuNode(gpu: Gpu, host: Host): void {
  if (gpu.node !== undefined) return;
  const path = onHost(host, `/dev/nvidia${gpu.minor}`);
  throw missing(`GPU ${gpu.index}`, `its device node "${path}" is missing or is another device`, nodesRemedy(host));
}

function onHost(host: Host, path: string): string {
  return host.root === "/" ? path : `${host.root}${path}`;
}

function missing(what: string, why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-D003", message: `Cannot give ${what}: ${why}`, remedy });
}
