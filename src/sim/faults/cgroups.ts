import { without, withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

export const brokenCgroups: SimFault = {
  name: "broken-cgroups",
  summary: "control groups without the controller of devices",
  base: "rtx4090x2",
  apply: (tree) => withEntries(without(tree, "/sys/fs/cgroup"), textFile("/sys/fs/cgroup/cpu/cgroup.procs", "1\n")),
};
