import { readlinkSync } from "node:fs";
import { posix } from "node:path";
import { parseLoaderCache, readBounded, readElf } from "../linux/index.ts";
import {
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

export interface FoundLibraries {
  readonly libraries: readonly DriverLibrary[];
  readonly missing: readonly MissingLibrary[];
  /** Folders, as a container sees them, with 64-bit libraries of the driver's version. */
  readonly folders: readonly string[];
}

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
  const usual = describeFolders(search, LIBRARY_FOLDERS);
  return usual.libraries.length > 0 ? usual : describeFolders(search, loaderFolders(scene));
}

function canonicalFolders(scene: Scene, folders: readonly string[]): readonly string[] {
  const canonical = folders.map((folder) => resolveInRoot(scene.driverRoot, folder));
  return [...new Set(canonical.filter((folder) => folder !== undefined))];
}

function describeFolders(search: Search, folders: readonly string[]): FoundLibraries {
  const files = new Set<string>();
  for (const folder of canonicalFolders(search.scene, folders)) {
    for (const file of findLibraries(search, folder)) files.add(file);
    for (const file of findLibraries(search, `${folder}/vdpau`)) files.add(file);
  }
  const libraries = [...files].flatMap((path) => describeLibrary(search, path));
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

/** Canonical paths of the driver's libraries in one folder. */
function findLibraries(search: Search, folder: string): readonly string[] {
  const found: string[] = [];
  for (const [stem, names] of listFolder(search, folder)) {
    for (const name of names) {
      if (!isOfDriver(stem, name, search.version)) continue;
      const path = resolveInRoot(search.scene.driverRoot, `${folder}/${name}`);
      if (path !== undefined) found.push(path);
    }
  }
  return found.toSorted();
}

function isOfDriver(stem: string, name: string, version: string): boolean {
  if (name === `${stem}.so.${version}`) return true;
  return Object.hasOwn(OWN_VERSION_LIBRARIES, stem) && /^\.so(?:\.\d+)+$/.test(name.slice(stem.length));
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

function describeLibrary(search: Search, path: string): DriverLibrary[] {
  const hostPath = onMachine(search.scene.driverRoot, path);
  const { architecture, soname } = readElf(hostPath) ?? {};
  if (architecture === undefined) {
    search.scene.warn(`"${hostPath}" is not a shared library that can be read`);
    return [];
  }
  const capabilities = capabilitiesOf(stemOf(path));
  const links = findLinks(search, path, soname);
  return [{ path, hostPath, soname, architecture, capabilities, links }];
}

function stemOf(path: string): string {
  const name = posix.basename(path);
  return name.slice(0, name.indexOf(".so"));
}

function capabilitiesOf(stem: string): readonly Capability[] {
  return LIBRARY_CAPABILITIES[stem] ?? OWN_VERSION_LIBRARIES[stem] ?? UNKNOWN_LIBRARY;
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
function loaderFolders(scene: Scene): readonly string[] {
  const path = resolveInRoot(scene.driverRoot, "/etc/ld.so.cache");
  const bytes = path === undefined ? undefined : readBounded(onMachine(scene.driverRoot, path), LOADER_CACHE_BYTES);
  if (bytes === undefined) return [];
  const entries = parseLoaderCache(bytes)?.entries ?? [];
  return entries
    .filter(({ soname }) => /^lib(?:cuda|nvidia-ml)\.so\.1$/.test(soname))
    .map((entry) => posix.dirname(entry.path));
}
