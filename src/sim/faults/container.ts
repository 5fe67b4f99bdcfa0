import { edited } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { CONFIG_PATH } from "../site.ts";

export const brokenContainer: SimFault = {
  name: "broken-container",
  summary: "config.toml allows containers nothing of CUDA",
  base: "rtx4090x2",
  apply: (tree) => edited(tree, CONFIG_PATH, (text) => `supported-driver-capabilities = "utility"\n${text}`),
};
