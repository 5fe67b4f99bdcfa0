import { closeSync } from "node:fs";
import { mountIdOf } from "./file-stat.ts";
import { makeTmpfs, writeNewFile } from "./memory-tree.ts";
import type { MountPoint } from "./mount-table.ts";
import {
  AT_EMPTY_PATH,
  FROM_AND_TO_DESCRIPTORS,
  MS_PRIVATE,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
  placeMount,
  type MountPlace,
} from "./place-mount.ts";
import type { Root } from "./root.ts";
import { refusal } from "./root-path.ts";
import { syscall, SysError, trySyscall } from "./sys.ts";

/** A file that exists for one container only. */
export interface LiveFile {
  /** Inside the root file system; something has to be there, and it is hidden by the mount. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** The file system that the place has to be on, by its `f_type`; undefined: any. */
  readonly on?: number | undefined;
}

/** `f_type`: linux/magic.h. */
export const PROC_SUPER_MAGIC = 0x9fa0;
export const TMPFS_MAGIC = 0x01021994;

const MNT_DETACH = 2;
/** MOUNT_ATTR_RDONLY, NOSUID, NODEV, NOEXEC. */
const READ_ONLY = 1n | 2n | 4n | 8n;

/**
 * Mounts files over what is at their paths: read-only, from a tmpfs that nobody else has, by descriptors alone, so that no path is resolved twice. They are gone with
 * the mount namespace. Needs CAP_SYS_ADMIN over it, and Linux 5.12 (mount_setattr(2)). Throws BERTH-P001.
 */
export function mountFiles(root: Root, files: readonly LiveFile[]): void {
  if (files.length === 0) return;
  const clones: MountPlace[] = [];
  const doing = `Cannot mount files into the root file system "${root.path}"`;
  try {
    const tmpfs = makeTmpfs(0o755);
    try {
      files.forEach(({ bytes }, index) => writeNewFile(tmpfs, String(index), bytes));
      withAttached(tmpfs, root, () => {
        for (const [index, file] of files.entries()) clones.push(cloneFile(tmpfs, index, file));
      });
      for (const clone of clones) placeMount(clone, root);
    } finally {
      for (const fd of [tmpfs, ...clones.map(({ clone }) => clone)]) closeSync(fd);
    }
  } catch (error) {
    throw refusal(doing, error);
  }
}

/**
 * Whether what is mounted on a path would be mounted in other mount namespaces, too: whether the mount that the path lies in is shared. Of a path that is not there: of the
 * nearest folder above it. A mount that is not in the table, or unknown, counts as shared.
 */
export function isMountShared(root: Root, path: string, table: readonly MountPoint[]): boolean {
  const id = root.usePlace(path, (fd) => mountIdOf(fd) ?? -1);
  if (id !== undefined) return table.find((mount) => mount.id === id)?.isShared ?? true;
  return path === "/" || isMountShared(root, path.slice(0, path.lastIndexOf("/")) || "/", table);
}

/** Only of what is mounted somewhere can a part be copied (before Linux 6.15): for that moment the tmpfs lies on the container's root folder. */
function withAttached<T>(tmpfs: number, root: Root, work: () => T): T {
  root.usePlace("/", (top) => syscall("/", "move_mount", tmpfs, "", top, "", FROM_AND_TO_DESCRIPTORS));
  try {
    return work();
  } finally {
    syscall("/", "umount2", `/proc/self/fd/${tmpfs}`, MNT_DETACH);
  }
}

function cloneFile(tmpfs: number, index: number, { path, on }: LiveFile): MountPlace {
  const fd = syscall(path, "open_tree", tmpfs, String(index), OPEN_TREE_CLONE | O_CLOEXEC);
  const attributes = new BigUint64Array([READ_ONLY, 0n, MS_PRIVATE, 0n]);
  const failed = trySyscall("mount_setattr", fd, "", AT_EMPTY_PATH, attributes, attributes.byteLength);
  if (failed === 0) return { clone: fd, path, on };
  closeSync(fd);
  throw new SysError("mount_setattr", -failed, path);
}
