import { isUnchangedNode } from "./device-nodes.ts";
import type { DeviceNode, Host } from "./host.ts";
import { isSimulated } from "./scene.ts";

/** MIG's nodes: the driver makes them anew, never over. The description that was just loaded has looked at their folder. */
const CAPABILITIES = "/dev/nvidia-caps/";

/**
 * The first of some described device nodes that is another device, has another mode or owner now, or is gone; undefined when all are as they
 * were. One stat each: for exactly what a container is about to get. MIG's are many, and count as their folder.
 */
export function findChangedNode(nodes: readonly DeviceNode[], { root }: Host): DeviceNode | undefined {
  const isMarked = isSimulated(root);
  return nodes.find((node) => !node.path.startsWith(CAPABILITIES) && !isUnchangedNode(node, isMarked));
}
