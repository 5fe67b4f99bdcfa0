import { BerthError } from "../base/index.ts";
import type { Edits, LinkEdit, LoaderEdit, MountEdit } from "../edits/index.ts";
import { isShared, lookIntoVolume, type ContainerView, type Cover } from "./container-view.ts";
import { folderOf, inFolder, isPlainPath, isWithin, linkDestination, nameOf } from "./paths.ts";

/** Where everything goes in this container: what a volume covers was moved or left out. */
export interface Placement {
  readonly mounts: readonly MountEdit[];
  /** To be written into the layer. */
  readonly links: readonly LinkEdit[];
  /** Links for a tmpfs, in which nothing can be written beforehand: each folder comes as a mount. */
  readonly linkFolders: readonly LinkFolder[];
  readonly loaderEntries: readonly LoaderEdit[];
  readonly warnings: readonly string[];
}

/** A folder of the container with nothing but links. */
export interface LinkFolder {
  readonly path: string;
  readonly links: readonly LinkEdit[];
}

/** The folders that NVIDIA's images have in LD_LIBRARY_PATH and PATH. */
const SPARE_LIBRARIES = "/usr/local/nvidia/lib64";
const SPARE_LIBRARIES_32 = "/usr/local/nvidia/lib";
const SPARE_BINARIES = "/usr/local/nvidia/bin";

interface Workbench {
  readonly view: ContainerView;
  readonly bundleDir: string;
  readonly links: ReadonlyMap<string, LinkEdit>;
  readonly mountsByPath: ReadonlyMap<string, MountEdit>;
  readonly narrowPaths: ReadonlySet<string>;
  /** New path by old path. */
  readonly moved: Map<string, string>;
  readonly taken: Set<string>;
  readonly warnings: string[];
}

/**
 * Holds every destination against the container's own mounts (after the image's links were followed): libraries and
 * binaries below a volume move, other files below one are left out, links in a tmpfs become mounts. Throws BERTH-P002
 * when there is no place left, BERTH-P001 when a mount point is missing on a read-only root file system.
 */
export function placeEdits(edits: Edits, view: ContainerView, bundleDir: string): Placement {
  const narrow = edits.loaderEntries.filter((entry) => entry.architecture === "i386");
  const bench: Workbench = {
    view,
    bundleDir,
    links: new Map(edits.links.map((link) => [link.path, link])),
    mountsByPath: new Map(edits.mounts.map((mount) => [mount.containerPath, mount])),
    narrowPaths: new Set(narrow.map((entry) => entry.path)),
    moved: new Map(),
    taken: new Set(),
    warnings: [],
  };
  const mounts = edits.mounts.flatMap((mount) => placeMount(mount, bench));
  for (const link of edits.links) moveLink(link, bench);
  const placed = edits.links.map((link) => placeLink(link, bench));
  return {
    mounts: [...mounts, ...placed.flatMap((each) => each.mounts)],
    links: placed.flatMap((each) => each.links),
    linkFolders: gatherFolders(placed.flatMap((each) => each.inTmpfs)),
    loaderEntries: edits.loaderEntries.map((entry) => ({ ...entry, path: bench.moved.get(entry.path) ?? entry.path })),
    warnings: bench.warnings,
  };
}

function placeMount(mount: MountEdit, bench: Workbench): MountEdit[] {
  const path = placeOfMount(mount, bench);
  if (path === undefined) return [];
  if (bench.taken.has(path)) return leaveOut(mount.containerPath, `"${path}" is used already`, bench);
  bench.taken.add(path);
  if (path === mount.containerPath) return [mount];
  bench.moved.set(mount.containerPath, path);
  return [{ ...mount, containerPath: path }];
}

function placeOfMount(mount: MountEdit, bench: Workbench): string | undefined {
  const { containerPath: path } = mount;
  if (!isPlainPath(path)) return void leaveOut(path, "its name holds a control character", bench);
  const { folderCover: cover } = bench.view.file(path);
  if (cover?.kind === "empty" || bench.view.isMountedOn(path)) return path;
  if (cover === undefined) return hasMountPoint(mount, bench) ? path : undefined;
  if (mount.kind === "library" || mount.kind === "binary") return move(mount, cover, bench);
  if (isShared(cover))
    return void leaveOut(path, `${coveredBy(cover)}, and what is mounted there would show on the host`, bench);
  const isThere = lookIntoVolume(path, bench.view, { bundleDir: bench.bundleDir }).kind !== undefined;
  return isThere ? path : void leaveOut(path, coveredBy(cover), bench);
}

/** On a read-only root file system the low-level runtime cannot make a mount point. */
function hasMountPoint(mount: MountEdit, { view, warnings }: Workbench): boolean {
  const { containerPath: path } = mount;
  if (view.isWritable || view.file(path).exists) return true;
  const why = `the root file system is read-only and "${path}" does not exist there to be mounted on`;
  if (mount.kind === "library" || mount.kind === "binary") {
    const remedy = "give the container a root file system that can be written, or make the file, empty, in the image";
    throw new BerthError({ code: "BERTH-P001", message: `Cannot put "${path}" into the container: ${why}`, remedy });
  }
  warnings.push(`"${path}" is left out: ${why}`);
  return false;
}

function move(mount: MountEdit, cover: Cover, bench: Workbench): string {
  const folder = spareFolder(mount, bench);
  const spare = bench.view.folder(folder);
  const path = inFolder(folder, nameOf(mount.containerPath));
  if (spare.cover !== undefined && spare.cover.kind !== "empty") {
    throw new BerthError({
      code: "BERTH-P002",
      message:
        `Cannot put "${mount.containerPath}" into the container: ${coveredBy(cover)}, ` +
        `and "${folder}", where it would go instead, is covered by the mount on "${spare.cover.mount.destination}"`,
      remedy: `mount the volume on another folder than "${cover.mount.destination}"`,
    });
  }
  if (spare.cover === undefined) hasMountPoint({ ...mount, containerPath: path }, bench);
  const kind = mount.kind === "binary" ? "programs" : "libraries";
  const warning = `the driver's ${kind} of "${folderOf(mount.containerPath)}" are in "${folder}": ${coveredBy(cover)}`;
  if (!bench.warnings.includes(warning)) bench.warnings.push(warning);
  return path;
}

function spareFolder(mount: MountEdit, bench: Workbench): string {
  if (mount.kind === "binary") return SPARE_BINARIES;
  return bench.narrowPaths.has(mount.containerPath) ? SPARE_LIBRARIES_32 : SPARE_LIBRARIES;
}

function coveredBy(cover: Cover): string {
  return `its folder is covered by the container's own mount on "${cover.mount.destination}"`;
}

function leaveOut(path: string, why: string, { warnings }: Workbench): [] {
  warnings.push(`${JSON.stringify(path)} is left out: ${why}`);
  return [];
}

/** The mount that a link leads to, over other links. */
function mountBehind(link: LinkEdit, bench: Workbench): MountEdit | undefined {
  let path = linkDestination(link.path, link.target);
  for (let hops = 0; hops < 8; hops++) {
    const mount = bench.mountsByPath.get(path);
    if (mount !== undefined) return mount;
    const next = bench.links.get(path);
    if (next === undefined) return undefined;
    path = linkDestination(next.path, next.target);
  }
  return undefined;
}

/** A link whose folder is covered by a volume goes where its library went. */
function moveLink(link: LinkEdit, bench: Workbench): void {
  if (bench.view.folder(folderOf(link.path)).cover?.kind !== "volume") return;
  const mount = mountBehind(link, bench);
  if (mount?.kind !== "library" && mount?.kind !== "binary") return;
  bench.moved.set(link.path, inFolder(spareFolder(mount, bench), nameOf(link.path)));
}

interface PlacedLink {
  readonly links: readonly LinkEdit[];
  readonly mounts: readonly MountEdit[];
  readonly inTmpfs: readonly LinkEdit[];
}

const NOWHERE: PlacedLink = { links: [], mounts: [], inTmpfs: [] };

function gatherFolders(links: readonly LinkEdit[]): readonly LinkFolder[] {
  return [...Map.groupBy(links, ({ path }) => folderOf(path))].map(([path, inside]) => ({ path, links: inside }));
}

function placeLink(link: LinkEdit, bench: Workbench): PlacedLink {
  const placed = moveTarget(link, bench);
  if (!isPlainPath(placed.path) || !isPlainPath(linkDestination(placed.path, placed.target))) {
    leaveOut(link.path, "its name holds a control character", bench);
    return NOWHERE;
  }
  const { cover } = bench.view.folder(folderOf(placed.path));
  if (cover?.kind === "empty") return mountInstead(link, placed, bench);
  if (cover === undefined && !bench.view.isWritable) return mountReadOnly(link, placed, bench);
  if (cover === undefined && !bench.view.isMountedOn(placed.path)) return { ...NOWHERE, links: [placed] };
  const isThere = lookIntoVolume(placed.path, bench.view, { bundleDir: bench.bundleDir }).kind !== undefined;
  if (cover !== undefined && isThere) return NOWHERE;
  leaveOut(placed.path, cover === undefined ? "the container has its own mount there" : coveredBy(cover), bench);
  return NOWHERE;
}

/** Its path and target once libraries have moved; untouched when nothing of it moved. */
function moveTarget(link: LinkEdit, { moved }: Workbench): LinkEdit {
  const path = moved.get(link.path) ?? link.path;
  const before = linkDestination(link.path, link.target);
  const after = moved.get(before) ?? before;
  if (path === link.path && after === before) return link;
  return { ...link, path, target: folderOf(after) === folderOf(path) ? nameOf(after) : after };
}

/** Nothing can be written: a link that is there will do, else the file is mounted on whatever is there. */
function mountReadOnly(link: LinkEdit, placed: LinkEdit, bench: Workbench): PlacedLink {
  const { rootfs } = bench.view;
  if (rootfs.readLink(placed.path) === placed.target) return NOWHERE;
  const isFile = rootfs.stat(placed.path)?.kind === "file" && mountBehind(link, bench) !== undefined;
  if (isFile) return mountInstead(link, placed, bench);
  leaveOut(placed.path, "the root file system is read-only and has no file there to be mounted on", bench);
  return NOWHERE;
}

function mountInstead(link: LinkEdit, placed: LinkEdit, bench: Workbench): PlacedLink {
  const mount = mountBehind(link, bench);
  // Below /dev nothing but links and nodes is in the container's tmpfs; elsewhere a folder of ours would hide what is.
  if (mount === undefined && isWithin(placed.path, "/dev")) return { ...NOWHERE, inTmpfs: [placed] };
  if (mount === undefined) {
    leaveOut(placed.path, "nothing can be linked there, and what it leads to is not a file of the driver", bench);
    return NOWHERE;
  }
  return { ...NOWHERE, mounts: [{ ...mount, containerPath: placed.path, reason: link.reason }] };
}
