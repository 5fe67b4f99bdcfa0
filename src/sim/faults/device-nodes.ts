import { without } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";

export const brokenDeviceNodes: SimFault = {
  name: "broken-device-nodes",
  summary: "nobody has made the nodes of nvidia-uvm since the boot",
  base: "rtx4090x2",
  apply: (tree) => without(tree, "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"),
};
