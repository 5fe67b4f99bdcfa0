import { existsSync } from "node:fs";
import { isUnchangedNode } from "./device-nodes.ts";
import type { DeviceNode, Host } from "./host.ts";
import { isSimulated } from "./scene.ts";

/**
 * The first of some files and device nodes of a described host (`hostPath`s) that is not there any more, or is another
 * device now; undefined when all are. One stat each: for exactly what a container is about to get.
 */
export function verifyFiles(host: Host, hostPaths: Iterable<string>): string | undefined {
  const nodes = new Map(allNodes(host).map((node) => [node.hostPath, node]));
  const isMarked = isSimulated(host.root);
  for (const path of hostPaths) {
    const node = nodes.get(path);
    const isThere = node === undefined ? existsSync(path) : isUnchangedNode(node, isMarked);
    if (!isThere) return path;
  }
  return undefined;
}

function allNodes(host: Host): readonly DeviceNode[] {
  const ofGpus = host.gpus.flatMap(({ node, drmNodes, migDevices }) => [
    ...(node === undefined ? [] : [node]),
    ...drmNodes,
    ...migDevices.flatMap((device) => device.nodes),
  ]);
  return [...host.controlNodes, ...ofGpus];
}
