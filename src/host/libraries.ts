import { readlinkSync } from "node:fs";
import { posix } from "node:path";
import { parseLoaderCache, readBounded, readElf } from "../linux/index.ts";
import {
  EXPLICIT_LIBRARIES,
  FOREIGN_LINKS,
  LIBRARY_CAPABILITIES,
  LIBRARY_FOLDERS,
  OWN_VERSION_LIBRARIES,
  UNKNOWN_LIBRARY,
} from "./capability-table.ts";
import type { Capability, DriverLibrary, MissingLibrary } from "./host.ts";
import type { Scene } from "./scene.ts";
import { listIfThere, lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";

const LOADER_CACHE_BYTES = 32 * 1024 * 1024;
/** As of those that are not the driver's: its own versions begin with three digits. */
const GLVND_VERSION = /^\.so(?:\.\d{1,2}){0,3}$/;

export interface FoundLibraries {
  readonly libraries: readonly DriverLibrary[];
  readonly missing: readonly MissingLibrary[];
  /** Folders, as a container sees them, with 64-bit libraries of the driver's version. */
  readonly folders: readonly string[];
}

/** Of the driver's packages, or of others and only wanted where the administrator asked for it. */
type Ownership = "driver" | "explicit";

/** Name before ".so" → the names in one folder that begin so. */
type Listing = ReadonlyMap<string, readonly string[]>;

interface Search {
  readonly scene: Scene;
  readonly version: string;
  readonly listings: Map<string, Listing>;
}

/**
 * The driver's libraries of this version, under the driver's root: from the usual folders, each listed once however many
 * names lead to it, and their vdpau folders; from the folders that the loader's cache names only if those have none.
 */
export function readLibraries(scene: Scene, version: string): FoundLibraries {
  const search: Search = { scene, version, listings: new Map() };
  const usual = describeFolders(search, [...(scene.options.libraryFolders ?? []), ...LIBRARY_FOLDERS]);
  if (usual.folders.length > 0) return usual;
  const others = describeFolders(search, loaderFolders(scene));
  return others.folders.length > 0 ? others : usual;
}

export function canonicalFolders(scene: Scene, folders: readonly string[]): readonly string[] {
  const canonical = folders.map((folder) => resolveInRoot(scene.driverRoot, folder));
  return [...new Set(canonical.filter((folder) => folder !== undefined))];
}

function describeFolders(search: Search, folders: readonly string[]): FoundLibraries {
  const files = new Map<string, Ownership>();
  for (const folder of canonicalFolders(search.scene, folders)) {
    findLibraries(search, folder, files);
    findLibraries(search, `${folder}/vdpau`, files);
  }
  const libraries = [...files].flatMap(([path, ownership]) => describeLibrary(search, path, ownership));
  return { libraries, missing: findMissing(search), folders: mainFolders(libraries, search.version) };
}

/** In the folders that were listed. A package that was removed takes its links along; a library that was lost leaves them. */
function findMissing(search: Search): readonly MissingLibrary[] {
  return [...search.listings].flatMap(([folder, listing]) => {
    return [...listing].flatMap(([stem, names]) => {
      const file = `${stem}.so.${search.version}`;
      const isLost = !names.includes(file) && names.some((name) => isDanglingTo(search, `${folder}/${name}`, file));
      return isLost
        ? [{ hostPath: onMachine(search.scene.driverRoot, `${folder}/${file}`), capabilities: capabilitiesOf(stem) }]
        : [];
    });
  });
}

function isDanglingTo({ scene }: Search, path: string, file: string): boolean {
  const place = onMachine(scene.driverRoot, path);
  if (lstatIfThere(place)?.isSymbolicLink() !== true) return false;
  return posix.basename(readlinkSync(place)) === file && resolveInRoot(scene.driverRoot, path) === undefined;
}

/** Adds the canonical paths of the libraries in one folder, in order. */
function findLibraries(search: Search, folder: string, files: Map<string, Ownership>): void {
  const found: (readonly [string, Ownership])[] = [];
  for (const [stem, names] of listFolder(search, folder)) {
    for (const name of names) {
      const ownership = ownershipOf(stem, name, search.version);
      if (ownership === undefined) continue;
      const path = resolveInRoot(search.scene.driverRoot, `${folder}/${name}`);
      // libGL.so.1 can lead to a libGL.so.535.230.02, which is that of a driver, and perhaps of another one.
      const isRight = path !== undefined && (ownership === "driver" || GLVND_VERSION.test(versionOf(path)));
      if (isRight) found.push([path, ownership]);
    }
  }
  for (const [path, ownership] of found.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (files.get(path) !== "driver") files.set(path, ownership);
  }
}

function ownershipOf(stem: string, name: string, version: string): Ownership | undefined {
  if (name === `${stem}.so.${version}`) return "driver";
  const end = name.slice(stem.length);
  if (Object.hasOwn(OWN_VERSION_LIBRARIES, stem)) return /^\.so(?:\.\d+)+$/.test(end) ? "driver" : undefined;
  return Object.hasOwn(EXPLICIT_LIBRARIES, stem) && GLVND_VERSION.test(end) ? "explicit" : undefined;
}

function listFolder(search: Search, folder: string): Listing {
  const known = search.listings.get(folder);
  if (known !== undefined) return known;
  const listing = new Map<string, string[]>();
  for (const name of listIfThere(onMachine(search.scene.driverRoot, folder)) ?? []) {
    if (!name.startsWith("lib")) continue;
    const end = name.indexOf(".so");
    if (end < 0) continue;
    const stem = name.slice(0, end);
    const others = listing.get(stem);
    if (others === undefined) listing.set(stem, [name]);
    else others.push(name);
  }
  search.listings.set(folder, listing);
  return listing;
}

function describeLibrary(search: Search, path: string, ownership: Ownership): DriverLibrary[] {
  const hostPath = onMachine(search.scene.driverRoot, path);
  const { architecture, soname } = readElf(hostPath) ?? {};
  if (architecture === undefined) {
    search.scene.warn(`"${hostPath}" is not a shared library that can be read`);
    return [];
  }
  const capabilities = capabilitiesOf(stemOf(path));
  const links = findLinks(search, path, soname);
  return [{ path, hostPath, soname, architecture, capabilities, links, isExplicit: ownership === "explicit" }];
}

function stemOf(path: string): string {
  const name = posix.basename(path);
  return name.slice(0, name.indexOf(".so"));
}

/** ".so.1.7.0" */
function versionOf(path: string): string {
  return posix.basename(path).slice(stemOf(path).length);
}

function capabilitiesOf(stem: string): readonly Capability[] {
  return LIBRARY_CAPABILITIES[stem] ?? OWN_VERSION_LIBRARIES[stem] ?? EXPLICIT_LIBRARIES[stem] ?? UNKNOWN_LIBRARY;
}

/** Names beside a library that lead to it: those with its stem, and the few that are known to differ. */
function findLinks(search: Search, path: string, soname: string | undefined): readonly string[] {
  const folder = posix.dirname(path);
  const stem = stemOf(path);
  const names = [...(listFolder(search, folder).get(stem) ?? []), ...(FOREIGN_LINKS[stem] ?? [])];
  const links = names.filter((name) => `${folder}/${name}` !== path && leadsTo(search, `${folder}/${name}`, path));
  const isFirst = (name: string): number => (name === soname ? 0 : 1);
  return links.toSorted((a, b) => isFirst(a) - isFirst(b) || (a < b ? -1 : 1));
}

function leadsTo(search: Search, link: string, path: string): boolean {
  return resolveInRoot(search.scene.driverRoot, link) === path;
}

function mainFolders(libraries: readonly DriverLibrary[], version: string): readonly string[] {
  const main = libraries.filter(({ path, architecture }) => architecture !== "i386" && path.endsWith(`.so.${version}`));
  return [...new Set(main.map(({ path }) => posix.dirname(path)))].filter((folder) => !folder.endsWith("/vdpau"));
}

/** The folders of libcuda and libnvidia-ml in <driver root>/etc/ld.so.cache. */
export function loaderFolders(scene: Scene): readonly string[] {
  const path = resolveInRoot(scene.driverRoot, "/etc/ld.so.cache");
  const bytes = path === undefined ? undefined : readBounded(onMachine(scene.driverRoot, path), LOADER_CACHE_BYTES);
  if (bytes === undefined) return [];
  const entries = parseLoaderCache(bytes)?.entries ?? [];
  return entries
    .filter(({ soname }) => /^lib(?:cuda|nvidia-ml)\.so\.1$/.test(soname))
    .map((entry) => posix.dirname(entry.path));
}
