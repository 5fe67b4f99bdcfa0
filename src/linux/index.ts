/**
 * The Linux kernel and its file formats: system calls over FFI, a root file system behind a handle, ELF headers, the
 * loader's cache. Knows no GPU and makes no decision. Formats: glibc elf/dl-cache.c, the System V ABI (ELF), openat2(2).
 */
export { syscall, SysError, type SyscallArg, type SyscallName } from "./sys.ts";
export { effectiveUid, parseCharMajors, readBootId, readBounded, readText, splitDeviceNumber } from "./proc.ts";
export { readMountTable, type MountPoint } from "./mount-table.ts";
export { exitNow, hardenHook, readInput } from "./hook-process.ts";
export type { FileStat } from "./file-stat.ts";
export { Root, type Place } from "./root.ts";
export { isMountShared, mountFiles, PROC_SUPER_MAGIC, TMPFS_MAGIC, type LiveFile } from "./mount-files.ts";
export type { FileAttributes, Owner } from "./write-at.ts";
export { formatLoaderCache, mergeLoaderCache } from "./ld-cache-merge.ts";
export { loaderFlags, parseLoaderCache, type CacheChange, type CacheEntry, type LoaderCache } from "./ld-cache.ts";
export { argText, execRestored, readEnv, readLaunchRecord, type LaunchRecord } from "./launch.ts";
export { isLauncher, patchLauncher, type LauncherSlots } from "./launcher-slots.ts";
export { formatLowLevelNote, type LowLevelLookup } from "./low-level-note.ts";
export { readElf, readElfNote, type Elf, type ElfNote } from "./elf.ts";
