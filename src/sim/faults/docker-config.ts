import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

export const brokenDockerConfig: SimFault = {
  name: "broken-docker-config",
  summary: "a comma is missing in daemon.json",
  base: "rtx4090x2",
  apply: (tree) =>
    withEntries(tree, textFile("/etc/docker/daemon.json", '{\n  "features": { "cdi": true }\n  "runtimes": {}\n}\n')),
};
