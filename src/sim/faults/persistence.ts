import { without } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";

export const brokenPersistence: SimFault = {
  name: "broken-persistence",
  summary: "nvidia-persistenced does not run",
  base: "rtx4090x2",
  apply: (tree) => without(tree, "/run/nvidia-persistenced"),
};
