import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

export const brokenCrioConfig: SimFault = {
  name: "broken-crio-config",
  summary: "a table of crio.conf has no closing bracket",
  base: "rtx4090x2",
  apply: (tree) => withEntries(tree, textFile("/etc/crio/crio.conf", '[crio.runtime\ndefault_runtime = "crun"\n')),
};
