import type { SimFault } from "../fault.ts";

export const brokenImex: SimFault = {
  name: "broken-imex",
  summary: "the IMEX channels have the major of an earlier boot",
  base: "gb200x4-imex",
  apply: (tree) =>
    tree.map((entry) => {
      const isChannel = entry.kind === "device" && entry.path.startsWith("/dev/nvidia-caps-imex-channels/");
      return isChannel ? { ...entry, major: entry.major + 1 } : entry;
    }),
};
