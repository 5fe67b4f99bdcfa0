import { edited, without } from "../edit-tree.ts";
import type { TreeEntry } from "../tree.ts";

/** The same machine with the driver's files, and without its module in the kernel. No driver has the GPUs. */
export function withoutModule(tree: readonly TreeEntry[]): readonly TreeEntry[] {
  const rest = tree.filter(({ path }) => !/^(?:\/dev\/nvidia|\/proc\/driver\/nvidia|\/sys\/module\/nvidia)/.test(path));
  const free = rest.filter(({ path }) => !/^\/sys\/bus\/pci\/devices\/[^/]+\/(?:driver|drm)(?:\/|$)/.test(path));
  const kernel = edited(without(free, "/run/nvidia-persistenced"), "/proc/modules", withoutNvidia);
  return edited(kernel, "/proc/devices", withoutNvidia);
}

function withoutNvidia(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.includes("nvidia"))
    .join("\n");
}
