import { closeSync } from "node:fs";
import { printErr } from "../base/index.ts";
import { exitNow } from "./hook-process.ts";
import { readOpenMountTable, type MountPoint } from "./mount-table.ts";
import { FOLDER, openIn } from "./open-in.ts";
import { isSameFile, type ProcessHandle } from "./process-handle.ts";
import { Root } from "./root.ts";
import { syscall, SysError, trySyscall } from "./sys.ts";

const AT_FDCWD = -100;
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x20000;
const O_RDONLY = 0;
const EINVAL = 22;
const MAX_TRIES = 100;

/**
 * The mount namespace of a process. Only what has to be done in it is: copying, placing and taking off mounts, all by descriptors; everything else is done from here
 * through the process's folder in procfs. Close it.
 */
export class MountNamespace {
  readonly #fd: number;
  /** Whether it is this process's own. */
  readonly isOwn: boolean;

  private constructor(fd: number, isOwn: boolean) {
    this.#fd = fd;
    this.isOwn = isOwn;
  }

  /** Throws a SysError: EACCES without the rights over the process, ENOENT when it is gone. */
  static of(process: ProcessHandle): MountNamespace {
    const fd = open(`${process.folder}/ns/mnt`, O_RDONLY);
    return new MountNamespace(fd, isSameFile(`/proc/self/fd/${fd}`, "/proc/self/ns/mnt"));
  }

  /**
   * Does `work` in the namespace: nothing in it may wait, or name a path but from a descriptor. Afterwards root and working folder are what they were. Needs CAP_SYS_ADMIN
   * over the namespace, and CAP_SYS_CHROOT.
   */
  within<T>(work: () => T): T {
    const [home, root, folder] = [open("/proc/self/ns/mnt", O_RDONLY), open("/", FOLDER), open(".", FOLDER)];
    try {
      enter(this.#fd, this.isOwn, "the container's mount namespace");
      try {
        return work();
      } finally {
        goHome(home, this.isOwn, root);
        syscall("the working folder", "fchdir", folder);
      }
    } finally {
      for (const fd of [home, root, folder]) closeSync(fd);
    }
  }

  /**
   * Its root folder: where setns(2) goes, whatever root a process in it has taken by chroot(2); that could be a volume, which is not to be written to. `name` is what messages call it.
   * Close it.
   */
  openRoot(name: string): Root {
    return this.within(() => Root.open("/", name));
  }

  /** All its mounts, by their places below its root folder. */
  readTable(): readonly MountPoint[] {
    const thread = open("/proc/thread-self", FOLDER);
    try {
      const fd = this.within(() => open("mountinfo", O_RDONLY, thread));
      try {
        return readOpenMountTable(fd);
      } finally {
        closeSync(fd);
      }
    } finally {
      closeSync(thread);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The kernel moves no thread that shares root and working folder with another one (setns(2): EINVAL), as each thread does that this one has started since it was parted from the
 * others; and when the engine starts one is not ours to say.
 */
function enter(namespace: number, isOwn: boolean, name: string): void {
  for (let tries = 1; ; tries++) {
    syscall("the thread's root", "unshare", CLONE_FS);
    const result = isOwn ? 0 : trySyscall("setns", namespace, CLONE_NEWNS);
    if (result >= 0) return;
    if (result !== -EINVAL || tries === MAX_TRIES) throw new SysError("setns", -result, name);
  }
}

/** Whoever cannot go home must not go on: its next paths would be the container's. What was begun is as after a kill. */
function goHome(home: number, isOwn: boolean, root: number): void {
  try {
    enter(home, isOwn, "this machine's mount namespace");
    if (isOwn) return;
    syscall("/", "fchdir", root);
    syscall("/", "chroot", ".");
  } catch (error) {
    printErr(`berth: cannot come back from the container's mount namespace: ${String(error)}\n`);
    exitNow(1);
  }
}

function open(path: string, flags: number, folder = AT_FDCWD): number {
  const fd = openIn(folder, path, { flags, resolve: 0 });
  if (fd < 0) throw new SysError("openat2", -fd, path);
  return fd;
}
