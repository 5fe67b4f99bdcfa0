import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { programFile, textFile } from "../tree.ts";

export const brokenUserNamespaces: SimFault = {
  name: "broken-user-namespaces",
  summary: "rootless Docker is installed, and users may make no user namespace",
  base: "rtx4090x2",
  apply: (tree) =>
    withEntries(
      tree,
      textFile("/proc/sys/user/max_user_namespaces", "0\n"),
      programFile("/usr/bin/dockerd-rootless.sh", "#!/bin/sh\nexit 1\n"),
    ),
};
