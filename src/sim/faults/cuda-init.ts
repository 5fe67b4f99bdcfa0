import { withoutSymbols } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";

export const brokenCudaInit: SimFault = {
  name: "broken-cuda-init",
  summary: "libcuda is damaged: it has no cuInit",
  base: "rtx4090x2",
  apply: (tree) => withoutSymbols(tree, /\/libcuda\.so\.[\d.]+$/, ["cuInit"]),
};
