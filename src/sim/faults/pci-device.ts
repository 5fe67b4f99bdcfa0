import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { withoutModule } from "./without-module.ts";

export const brokenPciDevice: SimFault = {
  name: "broken-pci-device",
  summary: "vfio-pci has the GPUs, as for a virtual machine",
  base: "rtx4090x2",
  apply: (tree, { profile }) => {
    const links = profile.gpus.map(({ bus }) => {
      return { kind: "link", path: `/sys/bus/pci/devices/${bus}/driver`, target: "../../drivers/vfio-pci" } as const;
    });
    return withEntries(withoutModule(tree), ...links);
  },
};
