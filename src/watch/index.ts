/**
 * Watching: whose process it is that uses a GPU, by its control groups and its user, and who uses how much; what the kernel's log says of a GPU. Reads procfs and that log alone; it asks
 * no engine and no driver, what those say is given to it. Sources: cgroups(7), the paths that runc, crun, systemd, kubelet, cri-o and podman give their groups.
 */
export { parseCgroups, type Place } from "./parse-cgroups.ts";
export { readProcess, type OwnedProcess } from "./read-process.ts";
export { parseUserNames, readUserNames } from "./user-names.ts";
export { listUsers, nameInside, serviceOf, type GpuUser, type KnownContainer } from "./list-users.ts";
export { KernelLog, parseXid, type Xid } from "./xids.ts";
