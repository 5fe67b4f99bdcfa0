/**
 * The Linux kernel and its file formats: system calls over FFI, a root file system behind a handle, a container's device cgroup, ELF headers, the
 * loader's cache. Knows no GPU and makes no decision. Formats: glibc elf/dl-cache.c, the System V ABI (ELF), openat2(2), cgroups(7), bpf(2).
 */
export { syscall, SysError, type SyscallArg, type SyscallName } from "./sys.ts";
export {
  effectiveUid,
  isUserNamespace,
  parseCharMajors,
  readBootId,
  readBounded,
  readText,
  splitDeviceNumber,
} from "./proc.ts";
export { asOwner } from "./as-owner.ts";
export { placeMounts, unmountAll, type LiveMount, type LiveScene, type MountFlag } from "./live-mounts.ts";
export { findHolders, type Holder } from "./holders.ts";
export { lockFile } from "./lock-file.ts";
export { makeNewFolder, makeTmpfs, writeNewFile } from "./memory-tree.ts";
export { MountNamespace } from "./mount-namespace.ts";
export { ProcessHandle } from "./process-handle.ts";
export { readMountTable, type MountPoint } from "./mount-table.ts";
export { findDeviceCgroup, isDeviceAllowed, setDeviceAccess } from "./device-cgroup.ts";
export type { DeviceCgroup, DeviceChange, DeviceNumber } from "./device-change.ts";
export { exitNow, hardenHook, readInput } from "./hook-process.ts";
export { statPath, type FileStat } from "./file-stat.ts";
export { Root, type Place } from "./root.ts";
export { isMountShared, mountFiles, PROC_SUPER_MAGIC, TMPFS_MAGIC, type LiveFile } from "./mount-files.ts";
export type { FileAttributes, Owner } from "./write-at.ts";
export { formatLoaderCache, mergeLoaderCache } from "./ld-cache-merge.ts";
export { loaderFlags, parseLoaderCache, type CacheChange, type CacheEntry, type LoaderCache } from "./ld-cache.ts";
export { argText, execRestored, readEnv, readLaunchRecord, type LaunchRecord } from "./launch.ts";
export { isLauncher, patchLauncher, type LauncherSlots } from "./launcher-slots.ts";
export { formatLowLevelNote, type LowLevelLookup } from "./low-level-note.ts";
export { readElf, readElfNote, type Elf, type ElfNote } from "./elf.ts";
