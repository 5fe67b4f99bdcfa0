import { existsSync } from "node:fs";
import { isUnchangedNode, present } from "./device-nodes.ts";
import { FEATURES, type DeviceNode, type Host } from "./host.ts";
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
    ...present([node]),
    ...drmNodes,
    ...migDevices.flatMap((device) => device.nodes),
  ]);
  const ofFeatures = FEATURES.flatMap((name) => host.features[name].nodes);
  const ofUnit = (host.unit?.items ?? []).flatMap((item) => (item.kind === "node" ? [item.node] : []));
  const { config, monitor } = host.migControl;
  return [
    ...host.controlNodes,
    ...ofGpus,
    ...present([config, monitor]),
    ...host.imexChannels,
    ...ofFeatures,
    ...ofUnit,
  ];
}
