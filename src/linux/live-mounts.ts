import { closeSync } from "node:fs";
import { undoable, type Undo } from "../base/index.ts";
import { statDescriptor } from "./file-stat.ts";
import { keepingPrivate, type SharedScene } from "./keeping-private.ts";
import type { MountNamespace } from "./mount-namespace.ts";
import {
  AT_EMPTY_PATH,
  MS_PRIVATE,
  O_CLOEXEC,
  OPEN_TREE_CLONE,
  placeMount,
  type MountPlace,
  type PlaceCheck,
} from "./place-mount.ts";
import type { Root } from "./root.ts";
import { refusal } from "./root-path.ts";
import { syscall } from "./sys.ts";

/** One bind mount that a running container gets. */
export interface LiveMount {
  /** A file, folder, socket or device of this machine, trusted and absolute; or a descriptor of a mount that is nowhere yet, which stays the caller's. */
  readonly source: string | number;
  /** Inside the root file system; something of the same kind has to be there. */
  readonly path: string;
  readonly flags: ReadonlySet<MountFlag>;
  /** With what is mounted below the source. */
  readonly isRecursive?: boolean;
  /** The character device that the source has to be. */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /** The file system that the place has to be on, by its `f_type`. */
  readonly on?: number | undefined;
}

/** MOUNT_ATTR_*: linux/mount.h. */
const FLAGS = { ro: 1n, nosuid: 2n, nodev: 4n, noexec: 8n } as const;
export type MountFlag = keyof typeof FLAGS;

const AT_FDCWD = -100;
const AT_RECURSIVE = 0x8000;
const ATTRIBUTES_BYTES = 32;
const F_DUPFD_CLOEXEC = 1030;

/** Where mounts are to go. */
export interface LiveScene extends SharedScene {
  readonly namespace: MountNamespace;
}

/**
 * Mounts all of it, in this order, or nothing: each is copied here, gets its flags, and is put in its place by descriptors, so that no path is resolved twice. A place in a mount
 * that other namespaces share is kept to this container: what is mounted there shows nowhere else. Gives back the undo. Throws BERTH-P001. Needs Linux 5.12, for shared mounts 5.15.
 */
export function placeMounts(scene: LiveScene, mounts: readonly LiveMount[]): Undo {
  if (mounts.length === 0) return () => {};
  const clones: number[] = [];
  try {
    const paths = placesOf(scene, mounts);
    for (const mount of mounts) clones.push(detach(mount));
    const places = mounts.map(({ on }, index) => ({ clone: clones[index] ?? -1, path: paths[index] ?? "", on }));
    scene.namespace.within(() => keepingPrivate(scene, paths, (check) => placeAll(scene.whole, places, check)));
    return () => takeOff(scene, paths);
  } catch (error) {
    throw refusal(`Cannot mount into the root file system "${scene.whole.path}"`, error);
  } finally {
    for (const fd of clones) closeSync(fd);
  }
}

/** Takes off what is mounted on these paths, the last one first; where nothing is mounted nothing happens. Throws BERTH-P001. */
export function unmountAll(scene: LiveScene, paths: readonly string[]): void {
  takeOff(
    scene,
    placesOf(
      scene,
      paths.map((path) => ({ path })),
    ),
  );
}

/** Where these paths lead: what is mounted is taken off by its own name, and no link is followed then. */
function placesOf({ whole }: LiveScene, mounts: readonly Pick<LiveMount, "path">[]): readonly string[] {
  return mounts.map(({ path }) => whole.resolve(path) ?? path);
}

function takeOff(scene: LiveScene, paths: readonly string[]): void {
  scene.namespace.within(() =>
    keepingPrivate(scene, paths, (check) => {
      for (const path of paths.toReversed()) scene.whole.unmount(path, check);
      return () => {};
    }),
  );
}

/** A mount that lies nowhere, with its flags in force. */
function detach(mount: LiveMount): number {
  const { path, flags, isRecursive = false, device } = mount;
  const fd = openSource(mount);
  try {
    if (device !== undefined) checkDevice(fd, device, String(mount.source));
    const set = [...flags].reduce((all, flag) => all | FLAGS[flag], 0n);
    const attributes = new BigUint64Array([set, 0n, MS_PRIVATE, 0n]);
    const depth = isRecursive ? AT_RECURSIVE : 0;
    syscall(path, "mount_setattr", fd, "", AT_EMPTY_PATH | depth, attributes, ATTRIBUTES_BYTES);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openSource({ source, path, isRecursive = false }: LiveMount): number {
  if (typeof source === "number") return syscall(path, "fcntl", source, F_DUPFD_CLOEXEC, 0);
  const depth = isRecursive ? AT_RECURSIVE : 0;
  return syscall(source, "open_tree", AT_FDCWD, source, OPEN_TREE_CLONE | O_CLOEXEC | depth);
}

function checkDevice(fd: number, { major, minor }: NonNullable<LiveMount["device"]>, source: string): void {
  const found = statDescriptor(fd);
  if (found.kind === "char" && found.major === major && found.minor === minor) return;
  throw new RangeError(`"${source}" is not the character device ${major}:${minor}`);
}

function placeAll(root: Root, places: readonly MountPlace[], check: PlaceCheck): Undo {
  return undoable((undos) => {
    for (const mount of places) {
      placeMount(mount, root, check);
      undos.push(() => void root.unmount(mount.path, check));
    }
  });
}
