import { closeSync } from "node:fs";
import { undoable, undoAfter, type Undo } from "../base/index.ts";
import { mountIdOf } from "./file-stat.ts";
import type { MountPoint } from "./mount-table.ts";
import {
  AT_EMPTY_PATH,
  FROM_AND_TO_DESCRIPTORS,
  MS_PRIVATE,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
  type PlaceCheck,
} from "./place-mount.ts";
import type { Root } from "./root.ts";
import { syscall, SysError, trySyscall } from "./sys.ts";

/** A container's root file system among the mounts of its namespace. */
export interface SharedScene {
  /** With all its mounts. */
  readonly whole: Root;
  /** The mounts of that namespace, and where in it the root file system lies. */
  readonly table: readonly MountPoint[];
  readonly rootPoint: string;
}

const MOVE_MOUNT_SET_GROUP = 0x100;
const F_DUPFD_CLOEXEC = 1030;

/**
 * Does `work` while the shared mounts that these places lie in are private, and gives them back their peers afterwards (MOVE_MOUNT_SET_GROUP): a volume with `rshared` makes an
 * engine share the whole root file system, and what is mounted into it then would stay on the host. What `work` did is undone by what it gives back when the peers cannot be given back.
 */
export function keepingPrivate(scene: SharedScene, paths: readonly string[], work: (check: PlaceCheck) => Undo): void {
  const shared = new Set(scene.table.flatMap(({ id, isShared }) => (isShared ? [id] : [])));
  // A link can have been changed since the places were looked at.
  const check: PlaceCheck = (place) => {
    if (shared.has(mountIdOf(place) ?? -1))
      throw new RangeError("the mount that it is in is shared, and what is mounted there would show on this machine");
  };
  undoable((undos) => {
    const restore = undoable((restores) => {
      for (const { id, point } of sharedMounts(scene, paths)) {
        const back = scene.whole.usePlace(point, (fd) => makePrivate(fd, point, id));
        if (back === undefined) continue;
        restores.push(back);
        shared.delete(id);
      }
    });
    try {
      undos.push(work(check));
    } catch (error) {
      undoAfter(error, [restore]);
    }
    restore();
  });
}

/** The shared mounts of the root file system that these places lie in, by their points inside it. */
function sharedMounts(
  { whole, table, rootPoint }: SharedScene,
  paths: readonly string[],
): readonly Pick<MountPoint, "id" | "point">[] {
  const shared = table.filter(({ isShared }) => isShared);
  if (shared.length === 0) return [];
  const ids = new Set(paths.flatMap((path) => [folderOf(path), path].map((at) => whole.usePlace(at, mountIdOf))));
  return shared.flatMap((mount) => {
    const point = ids.has(mount.id) ? pathInside(mount.point, rootPoint) : undefined;
    return point === undefined ? [] : [{ id: mount.id, point }];
  });
}

/** The mount's way back into its peer group is a copy of it, which is in that group. */
function makePrivate(fd: number, point: string, id: number): Undo {
  if (mountIdOf(fd) !== id) throw new RangeError(`another mount lies over the shared one on "${point}"`);
  const peer = syscall(point, "open_tree", fd, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
  const target = trySyscall("fcntl", fd, F_DUPFD_CLOEXEC, 0);
  const attributes = new BigUint64Array([0n, 0n, MS_PRIVATE, 0n]);
  const result =
    target < 0 ? target : trySyscall("mount_setattr", target, "", AT_EMPTY_PATH, attributes, attributes.byteLength);
  if (result < 0) {
    closeSync(peer);
    if (target >= 0) closeSync(target);
    throw new SysError("mount_setattr", -result, point);
  }
  return () => {
    const back = trySyscall("move_mount", peer, "", target, "", FROM_AND_TO_DESCRIPTORS | MOVE_MOUNT_SET_GROUP);
    closeSync(peer);
    closeSync(target);
    if (back < 0) throw new SysError("move_mount", -back, point);
  };
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The place inside the root of what lies at `point` of the namespace; undefined: it is not in it. */
function pathInside(point: string, root: string): string | undefined {
  if (root === "/") return point;
  if (point === root) return "/";
  return point.startsWith(`${root}/`) ? point.slice(root.length) : undefined;
}
