import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";

export const brokenCharLinks: SimFault = {
  name: "broken-char-links",
  summary: "systemd, and nobody has made the links of NVIDIA's nodes in /dev/char",
  base: "rtx4090x2",
  apply: (tree) => {
    const others = tree.filter((entry) => entry.kind !== "link" || !entry.target.startsWith("../nvidia"));
    return withEntries(others, { kind: "folder", path: "/run/systemd/system", mode: 0o755 });
  },
};
