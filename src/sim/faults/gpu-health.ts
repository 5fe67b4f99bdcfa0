import { without } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";

export const brokenGpuHealth: SimFault = {
  name: "broken-gpu-health",
  summary: "a GPU has fallen off the bus, and the driver does not list it any more",
  base: "rtx4090x2",
  apply: (tree, { profile }) => without(tree, `/proc/driver/nvidia/gpus/${profile.gpus.at(-1)?.bus}`),
};
