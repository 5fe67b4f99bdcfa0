import { edited } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { CONFIG_PATH } from "../site.ts";

export const brokenLowLevelRuntime: SimFault = {
  name: "broken-low-level-runtime",
  summary: "config.toml names a runc that was taken away",
  base: "rtx4090x2",
  apply: (tree) => edited(tree, CONFIG_PATH, (text) => text.replace('["runc", "crun"]', '["/opt/runc-1.0/runc"]')),
};
