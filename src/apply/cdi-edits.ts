import { statSync } from "node:fs";
import { join } from "node:path";
import { NO_EDITS, type CdiDeviceNode, type CdiEdits, type CdiMount } from "../cdi/index.ts";
import type { DeviceEdit, MountEdit } from "../edits/index.ts";
import type { DeviceNode } from "../host/index.ts";

/** The variable by which a runtime of ours that stands behind the engine sees that nothing is left to do. */
const DONE = "NVIDIA_VISIBLE_DEVICES=void";

/** Where device nodes are taken from; undefined: where the host's description has them. */
export type NodePlace = (node: DeviceNode) => string | undefined;

/**
 * Nodes below another device root, as the engine sees it. Undefined for one that is not there.
 */
export function nodesBelow(devRoot: string | undefined): NodePlace {
  if (devRoot === undefined) return ({ hostPath }) => hostPath;
  return ({ path }) => {
    const hostPath = join(devRoot, path);
    return statSync(hostPath, { throwIfNoEntry: false })?.isCharacterDevice() === true ? hostPath : undefined;
  };
}

/**
 * A node without its numbers: the engine takes them from the node on the machine at each start, so a file that is older than a boot or a module's load never gives
 * another device than it names. Source: CDI 1.1.0, "deviceNodes"; container-device-interface fills in what is missing.
 */
export function cdiNodes(edits: readonly DeviceEdit[], place: NodePlace): readonly CdiDeviceNode[] {
  const nodes = edits.flatMap(({ node }) => {
    const hostPath = place(node);
    return hostPath === undefined ? [] : [cdiNode(node, hostPath)];
  });
  return sortByPath(
    unique(nodes, ({ path }) => path),
    ({ path }) => path,
  );
}

function cdiNode({ path, mode, gid }: DeviceNode, hostPath: string): CdiDeviceNode {
  return {
    path,
    hostPath: hostPath === path ? undefined : hostPath,
    type: undefined,
    major: undefined,
    minor: undefined,
    fileMode: mode,
    permissions: "rwm",
    uid: undefined,
    gid: gid === 0 ? undefined : gid,
  };
}

export function cdiMounts(edits: readonly MountEdit[]): readonly CdiMount[] {
  const mounts = edits.map(({ hostPath, containerPath, options }) => {
    return { hostPath, containerPath, options, type: undefined };
  });
  return sortByPath(
    unique(mounts, ({ containerPath }) => containerPath),
    ({ containerPath }) => containerPath,
  );
}

/** What every file of ours has for all of its devices, whatever else it has. */
export function commonEdits(edits: Partial<CdiEdits>): CdiEdits {
  return { ...NO_EDITS, ...edits, env: [...(edits.env ?? []), DONE] };
}

function unique<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return [...new Map(items.toReversed().map((item) => [keyOf(item), item])).values()].toReversed();
}

/** By the number of components, then by name: what is mounted on a folder comes before what is mounted in it. */
function sortByPath<T>(items: readonly T[], pathOf: (item: T) => string): readonly T[] {
  const depth = (item: T): number => pathOf(item).split("/").length;
  return items.toSorted((a, b) => depth(a) - depth(b) || (pathOf(a) < pathOf(b) ? -1 : 1));
}
