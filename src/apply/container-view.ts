import { isAbsolute } from "node:path";
import { Root, type Owner } from "../linux/index.ts";
import type { OciMount } from "../oci/index.ts";
import { cleanPath, folderOf, inFolder, isWithin, nameOf } from "./paths.ts";

/**
 * What lies over a path once the container runs. `empty`: a file system of its own (tmpfs), in which mount points may be
 * made; `kernel`: procfs and the like, where they cannot; `volume`: somebody's files, where nothing may be made.
 */
export interface Cover {
  readonly kind: "empty" | "kernel" | "volume";
  readonly mount: OciMount;
  /** The mount's destination as it is spelled, made plain. */
  readonly destination: string;
  /** The destination after the image's links were followed. */
  readonly path: string;
}

/** A folder of the image. */
export interface Folder {
  /** After the image's links (/lib is /usr/lib in many). */
  readonly path: string;
  /** Itself and those above it that do not exist in the layer, outermost first. */
  readonly missing: readonly string[];
  readonly cover: Cover | undefined;
  /** Of the nearest folder that exists: what is made below it gets the same owner. */
  readonly owner: Owner;
}

/** A place where a file can be mounted. */
export interface FilePoint {
  /** After the image's links were followed, one at the file's own name too, as the low-level runtime does. */
  readonly path: string;
  /** Whether something is there in the layer; false as well where it is covered. */
  readonly exists: boolean;
  /** What covers it, a mount on the file itself included. */
  readonly cover: Cover | undefined;
  /** What covers its folder. */
  readonly folderCover: Cover | undefined;
}

/** A container's file tree before it exists: the layer that can be read, and the mounts that will lie over it. */
export interface ContainerView {
  readonly rootfs: Root;
  /** The root file system with its mounts, once they are made. */
  readonly whole: Root | undefined;
  /** False on a read-only file system: nothing can be made there, mount points neither. */
  readonly isWritable: boolean;
  /** One for each of the container's mounts, in their order. */
  covers(): readonly Cover[];
  folder(path: string): Folder;
  file(path: string): FilePoint;
  /** Whether one of the container's mounts lies on exactly this path. */
  isMountedOn(path: string): boolean;
}

const EMPTY_TYPES = ["tmpfs", "ramfs"];
const KERNEL_TYPES = ["proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "bpf"];

/** Looks at a container: `mounts` in the spec's order, `whole` where they are made already. Nothing is read before it is asked for, and once only. */
export function viewContainer(
  rootfs: Root,
  mounts: readonly OciMount[],
  isWritable: boolean,
  whole?: Root,
): ContainerView {
  let all: readonly Cover[] | undefined;
  const covers = (): readonly Cover[] => (all ??= mounts.map((mount) => coverFrom(rootfs, mount)));
  const folder: ContainerView["folder"] = remembering((path) =>
    lookAtFolder(path, { rootfs, covers: covers(), folder }),
  );
  const file = remembering((path): FilePoint => {
    const found = lookAtPoint(rootfs, path, folder(folderOf(path)));
    const folderCover = folder(folderOf(found.path)).cover;
    return { ...found, cover: lastOver(covers(), path, found.path), folderCover };
  });
  const isMountedOn = (path: string): boolean => {
    const place = inFolder(folder(folderOf(path)).path, nameOf(path));
    return covers().some((cover) => cover.path === place || cover.path === path);
  };
  return { rootfs, whole, isWritable, covers, folder, file, isMountedOn };
}

function remembering<T>(look: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const found = look(path);
    known.set(path, found);
    return found;
  };
}

function lookAtPoint(rootfs: Root, path: string, folder: Folder): Pick<FilePoint, "path" | "exists"> {
  const plain = { path: inFolder(folder.path, nameOf(path)), exists: false };
  if (folder.cover !== undefined || folder.missing.length > 0) return plain;
  const found = rootfs.lstat(plain.path);
  return found?.kind === "link" ? rootfs.resolveDeep(plain.path) : { ...plain, exists: found !== undefined };
}

/** Every engine mounts on /proc, /sys and /dev, and nothing of ours can go there by another name: the spelling will do. */
const OWN_WORLDS = ["/proc", "/sys", "/dev"];

function coverFrom(rootfs: Root, mount: OciMount): Cover {
  const destination = cleanPath(mount.destination);
  const isPlain = OWN_WORLDS.some((world) => isWithin(destination, world) && rootfs.lstat(world)?.kind !== "link");
  const path = isPlain ? destination : rootfs.resolveDeep(destination).path;
  return { kind: kindOf(mount), mount, destination, path };
}

/** The kernel looks at the options alone; engines write the type, too. */
export function isBindMount({ type, options }: OciMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

function kindOf(mount: OciMount): Cover["kind"] {
  const { type } = mount;
  if (isBindMount(mount)) return "volume";
  if (EMPTY_TYPES.includes(type)) return "empty";
  return KERNEL_TYPES.includes(type) ? "kernel" : "volume";
}

interface FolderScene {
  readonly rootfs: Root;
  readonly covers: readonly Cover[];
  readonly folder: (path: string) => Folder;
}

/** From the folder above it, which was looked at already for most. */
function lookAtFolder(path: string, scene: FolderScene): Folder {
  const { rootfs, covers } = scene;
  const above = path === "/" ? undefined : scene.folder(folderOf(path));
  const place = above === undefined ? "/" : inFolder(above.path, nameOf(path));
  const cover = lastOver(covers, path, place);
  const stat = above !== undefined && above.missing.length > 0 ? undefined : rootfs.lstat(place);
  if (stat?.kind === "link") return throughLink(path, scene, rootfs.resolveDeep(place).path);
  if (stat !== undefined) return { path: place, missing: [], cover, owner: { uid: stat.uid, gid: stat.gid } };
  return { path: place, missing: [...(above?.missing ?? []), place], cover, owner: above?.owner ?? { uid: 0, gid: 0 } };
}

function throughLink(path: string, { covers, folder }: FolderScene, place: string): Folder {
  const found = folder(place);
  return { ...found, cover: lastOver(covers, path, found.path) };
}

/** Mounts are made in the spec's order, so the last one over a path is what the container sees. */
function lastOver(covers: readonly Cover[], path: string, resolved: string): Cover | undefined {
  return covers.findLast((cover) => isWithin(resolved, cover.path) || isWithin(path, cover.destination));
}

/** Whether the host sees, too, what is mounted in a volume. */
export function isShared({ mount: { options } }: Cover): boolean {
  return options.includes("shared") || options.includes("rshared");
}

/** A file in a volume. */
export interface VolumeFile {
  /** Its kind; undefined: it does not exist, or the volume cannot be looked into from here. */
  readonly kind: "file" | "folder" | "other" | undefined;
  readonly bytes: Uint8Array | undefined;
}

/**
 * Looks for a file of the container in the volume that covers it: where the container sees it once its mounts are made, else on the host, without leaving the volume. (A source that
 * a container can write to, too, may be a link to elsewhere by then.) `maxBytes` undefined: the content is not read. `bundleDir` is what a relative source counts from.
 */
export function lookIntoVolume(
  path: string,
  view: ContainerView,
  options: { bundleDir: string; maxBytes?: number },
): VolumeFile {
  const nothing: VolumeFile = { kind: undefined, bytes: undefined };
  const { cover, path: resolved } = view.file(path);
  if (cover?.kind !== "volume") return nothing;
  if (view.whole !== undefined) return lookAtFile(view.whole, path, options.maxBytes);
  const { source, type } = cover.mount;
  if (source === "" || !["", "bind", "none"].includes(type)) return nothing;
  const place = isAbsolute(source) ? source : `${options.bundleDir}/${source}`;
  const inside = pathInside(cover, path, resolved);
  const volume = openFolder(inside === "" ? folderOf(place) : place);
  if (volume === undefined) return nothing;
  try {
    return lookAtFile(volume, inside === "" ? `/${nameOf(place)}` : inside, options.maxBytes);
  } finally {
    volume.close();
  }
}

/** "" when the volume is the file itself. The image's links below the volume's own destination are hidden by it. */
function pathInside(cover: Cover, path: string, resolved: string): string {
  const { destination } = cover;
  const [inside, top] = isWithin(path, destination) ? [path, destination] : [resolved, cover.path];
  return top === "/" ? inside : inside.slice(top.length);
}

function openFolder(path: string): Root | undefined {
  try {
    return Root.open(path);
  } catch {
    // A volume that cannot be opened here is one about which nothing is known.
    return undefined;
  }
}

function lookAtFile(volume: Root, path: string, maxBytes: number | undefined): VolumeFile {
  const kind = volume.stat(path)?.kind;
  if (kind !== "file") return { kind: kind === undefined || kind === "folder" ? kind : "other", bytes: undefined };
  return { kind, bytes: maxBytes === undefined ? undefined : volume.readFile(path, maxBytes) };
}
