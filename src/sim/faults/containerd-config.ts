import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

const CONFIG = `version = 2

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia.options]
    BinaryName = "/opt/nvidia-toolkit-1.13/nvidia-container-runtime"
`;

export const brokenContainerdConfig: SimFault = {
  name: "broken-containerd-config",
  summary: "config.toml of containerd names a runtime that was taken away",
  base: "rtx4090x2",
  apply: (tree) => withEntries(tree, textFile("/etc/containerd/config.toml", CONFIG)),
};
