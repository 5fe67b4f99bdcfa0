/**
 * The Linux kernel and its file formats: system calls over FFI, a root file system behind a handle, a container's device cgroup, ELF headers, the
 * loader's cache. Knows no GPU and makes no decision. Formats: glibc elf/dl-cache.c, the System V ABI (ELF), openat2(2), cgroups(7), bpf(2).
 */
export { syscall, SysError, type SyscallArg, type SyscallName } from "./sys.ts";
export {
  effectiveUid,
  isOfSystemd,
  isUserNamespace,
  joinDeviceNumber,
  parseCharMajors,
  readBootId,
  readBounded,
  readSized,
  readText,
  splitDeviceNumber,
} from "./proc.ts";
export { hasReader } from "./has-reader.ts";
export { uptimeMs } from "./uptime.ts";
export { makeTerminalRaw, terminalSize, type TerminalSize } from "./terminal.ts";
export { terminalWidth } from "./terminal-width.ts";
export { parseBootSeconds, parseProcessStat, searchPathIn, startTimeMs, ticksToMs, variableIn } from "./proc-stat.ts";
export { isOpenBeyondRoot, isOpenToOthers, isOwnerTrusted, isTrusted } from "./trust.ts";
export { asOwner } from "./as-owner.ts";
export { isWritable } from "./is-writable.ts";
export { placeMounts, unmountAll, type LiveMount, type LiveScene, type MountFlag } from "./live-mounts.ts";
export { findAllHolders, findHolders, type Holder } from "./holders.ts";
export { editFile, type EditOptions, type EditResult } from "./edit-file.ts";
export { lockFile } from "./lock-file.ts";
export { makeNewFolder, makeTmpfs, writeNewFile } from "./memory-tree.ts";
export { MountNamespace } from "./mount-namespace.ts";
export { isSameFile, ProcessHandle } from "./process-handle.ts";
export { readMountTable, type MountPoint } from "./mount-table.ts";
export { findDeviceCgroup, isDeviceAllowed, setDeviceAccess } from "./device-cgroup.ts";
export type { DeviceCgroup, DeviceChange, DeviceNumber } from "./device-change.ts";
export { exitNow, hardenHook, readInput } from "./hook-process.ts";
export { statPath, type FileStat } from "./file-stat.ts";
export { Root } from "./root.ts";
export type { Place } from "./root-resolve.ts";
export { isMountShared, mountFiles, PROC_SUPER_MAGIC, TMPFS_MAGIC, type LiveFile } from "./mount-files.ts";
export type { CharDevice } from "./node-at.ts";
export type { FileAttributes, Owner } from "./write-at.ts";
export { formatLoaderCache, mergeLoaderCache } from "./ld-cache-merge.ts";
export { loaderFlags, parseLoaderCache, type CacheChange, type CacheEntry, type LoaderCache } from "./ld-cache.ts";
export { become } from "./become.ts";
export { argText, execRestored, readEnv, readLaunchRecord, type LaunchRecord } from "./launch.ts";
export { isLauncher, patchLauncher, type LauncherSlots } from "./launcher-slots.ts";
export { formatLowLevelNote, type LowLevelLookup } from "./low-level-note.ts";
export { GLIBC_LOADER, ownLibraries, type OwnLibrary } from "./own-libraries.ts";
export { readElf, readElfNote, type Elf, type ElfNote } from "./elf.ts";
