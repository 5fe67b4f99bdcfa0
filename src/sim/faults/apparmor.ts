import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { BOOT_TIME } from "../machine-files.ts";
import { programFile, textFile } from "../tree.ts";

const DENIAL = `Mar  2 05:10:00 sim kernel: audit: type=1400 audit(${BOOT_TIME + 600}.123:45): apparmor="DENIED" operation="open" profile="docker-gpu" name="/dev/nvidiactl" pid=4242 comm="nvidia-smi" requested_mask="wr" denied_mask="wr" fsuid=0 ouid=0\n`;

export const brokenApparmor: SimFault = {
  name: "broken-apparmor",
  summary: "a profile of AppArmor refuses a container /dev/nvidiactl",
  base: "h100x1",
  apply: (tree) =>
    withEntries(
      tree,
      textFile("/sys/module/apparmor/parameters/enabled", "Y\n"),
      programFile("/usr/sbin/apparmor_parser", "#!/bin/sh\nexit 0\n"),
      textFile("/var/log/kern.log", DENIAL),
    ),
};
