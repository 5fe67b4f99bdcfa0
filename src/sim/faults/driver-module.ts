import type { SimFault } from "../fault.ts";
import { edited } from "../edit-tree.ts";
import { withoutModule } from "./without-module.ts";

export const brokenDriverModule: SimFault = {
  name: "broken-driver-module",
  summary: "a new kernel runs, for which the module was not built",
  base: "rtx4090x2",
  apply: (tree) => edited(withoutModule(tree), "/proc/sys/kernel/osrelease", (text) => text.replace("-28-", "-31-")),
};
