import { edited, withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

const GONE = "NVIDIA-GPU=GPU-00000000-1111-2222-3333-444444444444";

export const brokenSwarm: SimFault = {
  name: "broken-swarm",
  summary: "Docker's Swarm is offered a GPU that is not there",
  base: "rtx4090x2",
  apply: (tree) =>
    withEntries(
      edited(
        tree,
        "/etc/nvidia-container-runtime/config.toml",
        (text) => `swarm-resource = "DOCKER_RESOURCE_NVIDIA-GPU"\n${text}`,
      ),
      textFile("/etc/docker/daemon.json", `{\n  "node-generic-resources": ["${GONE}"]\n}\n`),
    ),
};
