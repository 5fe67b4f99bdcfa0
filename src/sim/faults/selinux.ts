import { withEntries } from "../edit-tree.ts";
import type { SimFault } from "../fault.ts";
import { BOOT_TIME } from "../machine-files.ts";
import { textFile } from "../tree.ts";

const DENIAL = `type=AVC msg=audit(${BOOT_TIME + 600}.123:456): avc:  denied  { read write } for  pid=4242 comm="nvidia-smi" name="nvidiactl" dev="devtmpfs" ino=512 scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:object_r:xserver_misc_device_t:s0 tclass=chr_file permissive=0\n`;

export const brokenSelinux: SimFault = {
  name: "broken-selinux",
  summary: "SELinux refuses containers the GPUs' nodes",
  base: "rtx4090x2",
  apply: (tree) =>
    withEntries(
      tree,
      textFile("/sys/fs/selinux/enforce", "1"),
      textFile("/sys/fs/selinux/booleans/container_use_devices", "0 0"),
      textFile("/var/log/audit/audit.log", DENIAL),
    ),
};
