import { BerthError } from "../base/index.ts";
import type { Edits, LinkEdit, MountEdit } from "../edits/index.ts";
import type { Architecture } from "../host/index.ts";
import { folderOf, inFolder, isConfPath, isWithin, linkDestination, nameOf } from "./paths.ts";

/** The folder that NVIDIA's images have in LD_LIBRARY_PATH, in which nothing of an image is. */
export const LIBRARY_FOLDER = "/usr/local/nvidia/lib64";
const LIBRARY_FOLDER_32 = "/usr/local/nvidia/lib";

/**
 * The folders that a loader searches without being told, and where its 32-bit sibling does: glibc of Debian (`ld.so --list-diagnostics`, path.system_dirs), of Fedora and
 * SUSE; /usr/lib is glibc's of Arch and Debian, and musl's.
 */
const SYSTEM_FOLDERS: ReadonlyMap<string, string> = new Map([
  ["/usr/lib/x86_64-linux-gnu", "/usr/lib/i386-linux-gnu"],
  ["/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf"],
  ["/usr/lib64", "/usr/lib"],
  ["/usr/lib", "/usr/lib32"],
]);

/** One file or folder that the container gets as a bind mount. */
export interface FlagMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly isReadOnly: boolean;
}

export interface FlagMounts {
  /** One for each name that a program or the loader looks for, since nothing can make links. */
  readonly mounts: readonly FlagMount[];
  /** The folders that LD_LIBRARY_PATH has to name; none where the loader searches them by itself. */
  readonly searched: readonly string[];
  /** Where libcuda.so.1 is. */
  readonly libcudaFolders: readonly string[];
  /** What cannot be had this way, a sentence each. */
  readonly warnings: readonly string[];
}

/** How the libraries are laid out. */
export interface LibraryLayout {
  /** Where the 64-bit libraries go, absolute. */
  readonly folder: string;
  /** WSL and Tegra: their libraries open each other by path, so that they are at their own places, too. */
  readonly keepsPlaces: boolean;
}

/**
 * Every file of the edits under each of its names: the libraries in one folder, the rest at its own path. In a folder of the loader's own what lies in folders below
 * that of the libraries (vdpau/, gbm/) goes along. Throws BERTH-U001 for a folder that is no plain absolute path.
 */
export function planFlagMounts(edits: Edits, layout: LibraryLayout): FlagMounts {
  const bench = makeBench(edits, layout);
  const warnings: string[] = [];
  const linked = edits.links.flatMap((link) => {
    const mount = mountBehind(link, bench);
    if (mount !== undefined) return [bound(mount, placeOf(link.path, mount.containerPath, bench))];
    warnings.push(`"${link.path}" is left out: no option of an engine makes a link`);
    return [];
  });
  const all = [...edits.mounts.flatMap((mount) => placesOf(mount, bench)), ...namesOf(edits, bench), ...linked];
  const mounts = [...new Map(all.toReversed().map((mount) => [mount.containerPath, mount])).values()].toReversed();
  for (const { path } of edits.files) warnings.push(`"${path}" is left out: no option of an engine makes a file`);
  return { mounts: sortByDepth(mounts), ...foldersOf(edits, bench), warnings };
}

interface Bench {
  readonly layout: LibraryLayout;
  readonly isSystemFolder: boolean;
  readonly mounts: ReadonlyMap<string, MountEdit>;
  readonly links: ReadonlyMap<string, LinkEdit>;
  /** Of the libraries that the loader finds by name, by path. */
  readonly loadable: ReadonlyMap<string, Architecture>;
}

function makeBench({ mounts, links, loaderEntries }: Edits, layout: LibraryLayout): Bench {
  if (!isConfPath(layout.folder)) {
    throw new BerthError({
      code: "BERTH-U001",
      message: `Cannot put libraries into "${layout.folder}": it is not an absolute path without "..", colons and blanks`,
      remedy: `name a folder of the image: --library-folder ${LIBRARY_FOLDER}`,
    });
  }
  return {
    layout,
    isSystemFolder: SYSTEM_FOLDERS.has(layout.folder),
    mounts: new Map(mounts.map((mount) => [mount.containerPath, mount])),
    links: new Map(links.map((link) => [link.path, link])),
    loadable: new Map(loaderEntries.map(({ path, architecture }) => [path, architecture])),
  };
}

/** The folder of libraries of one architecture. */
function folderFor(architecture: Architecture | undefined, { layout }: Bench): string {
  if (architecture !== "i386") return layout.folder;
  return SYSTEM_FOLDERS.get(layout.folder) ?? LIBRARY_FOLDER_32;
}

/** Where a name goes that stands for the file `of`. */
function placeOf(path: string, of: string, bench: Bench): string {
  if (bench.layout.keepsPlaces) return path;
  const isBeside = bench.loadable.has(of) && folderOf(path) === folderOf(of);
  if (isBeside) return inFolder(folderFor(bench.loadable.get(of), bench), nameOf(path));
  return bench.isSystemFolder ? besideLibraries(path, bench) : path;
}

/** A plug-in in a folder below that of the host's libraries, in the same folder below that of the image's. */
function besideLibraries(path: string, bench: Bench): string {
  const library = [...bench.loadable].find(([other]) => isWithin(path, folderOf(other)));
  if (library === undefined) return path;
  const [other, architecture] = library;
  return folderFor(architecture, bench) + path.slice(folderOf(other).length);
}

function placesOf(mount: MountEdit, bench: Bench): readonly FlagMount[] {
  const { containerPath } = mount;
  if (mount.kind !== "library") return [bound(mount, containerPath)];
  const own = bound(mount, placeOf(containerPath, containerPath, bench));
  const isKept = bench.layout.keepsPlaces && bench.loadable.has(containerPath);
  const folder = folderFor(bench.loadable.get(containerPath), bench);
  return isKept ? [own, bound(mount, inFolder(folder, nameOf(containerPath)))] : [own];
}

/** The names by which the loader looks for the libraries; of two files for one name the first. */
function namesOf({ loaderEntries }: Edits, bench: Bench): readonly FlagMount[] {
  return loaderEntries.flatMap(({ soname, path, architecture }) => {
    const mount = bench.mounts.get(path);
    return mount === undefined ? [] : [bound(mount, inFolder(folderFor(architecture, bench), soname))];
  });
}

function bound({ hostPath, kind }: MountEdit, containerPath: string): FlagMount {
  return { hostPath, containerPath, isReadOnly: kind !== "socket" };
}

/** The mount that a link leads to, over other links. */
function mountBehind(link: LinkEdit, { mounts, links }: Bench): MountEdit | undefined {
  let next: LinkEdit | undefined = link;
  for (let hops = 0; next !== undefined && hops < 8; hops += 1) {
    const path: string = linkDestination(next.path, next.target);
    const mount = mounts.get(path);
    if (mount !== undefined) return mount;
    next = links.get(path);
  }
  return undefined;
}

function foldersOf({ loaderEntries }: Edits, bench: Bench): Pick<FlagMounts, "searched" | "libcudaFolders"> {
  const foldersFor = (entries: Edits["loaderEntries"]): readonly string[] => [
    ...new Set(entries.map(({ architecture }) => folderFor(architecture, bench))),
  ];
  return {
    searched: bench.isSystemFolder ? [] : foldersFor(loaderEntries),
    libcudaFolders: foldersFor(loaderEntries.filter(({ soname }) => soname === "libcuda.so.1")),
  };
}

/** What is mounted on a folder comes before what is mounted in it. */
function sortByDepth(mounts: readonly FlagMount[]): readonly FlagMount[] {
  const depth = ({ containerPath }: FlagMount): number => containerPath.split("/").length;
  return mounts.toSorted((a, b) => depth(a) - depth(b) || (a.containerPath < b.containerPath ? -1 : 1));
}
