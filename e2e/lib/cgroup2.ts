/** The shell script that shows cgroups of version 2 only: crun refuses the mixed hierarchies of both. */
export const MOUNT_CGROUP2 = "umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup";

/** Words that start a program so, in a mount namespace of its own. */
export const WITH_CGROUP2 = ["unshare", "--mount", "sh", "-c", `${MOUNT_CGROUP2} && exec "$@"`, "sh"];

/** The same without any of version 2, where the machine has both. */
export const WITH_CGROUP1 = [
  "unshare",
  "--mount",
  "sh",
  "-c",
  'if test -d /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi && exec "$@"',
  "sh",
];
