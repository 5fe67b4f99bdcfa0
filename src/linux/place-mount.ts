import { fileSystemOf } from "./file-stat.ts";
import type { Root } from "./root.ts";
import { syscall } from "./sys.ts";

/** linux/mount.h, linux/fcntl.h. */
export const OPEN_TREE_CLONE = 1;
export const O_CLOEXEC = 0o2000000;
export const AT_EMPTY_PATH = 0x1000;
export const MS_PRIVATE = 1n << 18n;
/** MOVE_MOUNT_F_EMPTY_PATH and MOVE_MOUNT_T_EMPTY_PATH. */
export const FROM_AND_TO_DESCRIPTORS = 0x04 | 0x40;

/** Throws for a place, by its descriptor, that is not to be mounted on. */
export type PlaceCheck = (place: number) => void;

/** A mount that lies nowhere yet, and where it is to go. */
export interface MountPlace {
  readonly clone: number;
  /** Inside the root file system. */
  readonly path: string;
  /** The file system that the place has to be on, by its `f_type`; undefined: any. */
  readonly on?: number | undefined;
}

/** Puts a mount in its place, which is looked up once. Throws a RangeError when there is none or it is on another file system, and what `check` throws. */
export function placeMount({ clone, path, on }: MountPlace, root: Root, check: PlaceCheck = () => {}): void {
  const isThere = root.usePlace(path, (target) => {
    check(target);
    if (on !== undefined && fileSystemOf(target) !== on)
      throw new RangeError(`"${path}" is on another file system than it should be`);
    syscall(path, "move_mount", clone, "", target, "", FROM_AND_TO_DESCRIPTORS);
    return true;
  });
  if (isThere !== true) throw new RangeError(`there is no "${path}"`);
}
