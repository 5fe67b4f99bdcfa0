import { mergeLoaderCache } from "../../linux/index.ts";
import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";

export const brokenLoaderCache: SimFault = {
  name: "broken-loader-cache",
  summary: "ldconfig was not run after the driver was installed",
  base: "rtx4090x2",
  apply: (tree) => {
    const { bytes } = mergeLoaderCache(undefined, { add: [], removePaths: new Set() });
    return withEntries(tree, { kind: "file", path: "/etc/ld.so.cache", mode: 0o644, content: bytes });
  },
};
