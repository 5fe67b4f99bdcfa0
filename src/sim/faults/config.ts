import { edited } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { CONFIG_PATH } from "../site.ts";

export const brokenConfig: SimFault = {
  name: "broken-config",
  summary: "a text in config.toml has no end",
  base: "rtx4090x2",
  apply: (tree) => edited(tree, CONFIG_PATH, (text) => text.replace('"info"', '"info')),
};
