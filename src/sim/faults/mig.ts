import { without } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { capabilityMinors } from "../mig.ts";

export const brokenMig: SimFault = {
  name: "broken-mig",
  summary: "the nodes of a GPU's MIG devices were never made",
  base: "a100x8-mig",
  apply: (tree, { profile }) => {
    const [gpu] = profile.gpus;
    if (gpu === undefined) throw new RangeError("there is no GPU");
    const minors = (gpu.mig ?? []).flatMap((device) => Object.values(capabilityMinors(gpu, device)));
    return without(tree, ...minors.map((minor) => `/dev/nvidia-caps/nvidia-cap${minor}`));
  },
};
