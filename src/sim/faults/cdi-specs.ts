import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { textFile } from "../tree.ts";

export const brokenCdiSpecs: SimFault = {
  name: "broken-cdi-specs",
  summary: "a CDI file names the libraries of an older driver",
  base: "rtx4090x2",
  apply: (tree, { site }) => withEntries(tree, textFile("/etc/cdi/nvidia.yaml", specOf(site.dir))),
};

function specOf(dir: string): string {
  const library = "/usr/lib64/libcuda.so.550.54.14";
  return `cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes:
        - path: /dev/nvidia0
          hostPath: ${JSON.stringify(`${dir}/dev/nvidia0`)}
containerEdits:
  mounts:
    - hostPath: ${JSON.stringify(dir + library)}
      containerPath: ${library}
      options: [ro, nosuid, nodev, bind]
`;
}
