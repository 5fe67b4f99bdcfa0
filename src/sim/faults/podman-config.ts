import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

export const brokenPodmanConfig: SimFault = {
  name: "broken-podman-config",
  summary: "containers.conf makes a runtime the default that nothing defines",
  base: "rtx4090x2",
  apply: (tree) => withEntries(tree, textFile("/etc/containers/containers.conf", '[engine]\nruntime = "nvidia"\n')),
};
