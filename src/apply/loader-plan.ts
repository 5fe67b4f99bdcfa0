import { BerthError } from "../base/index.ts";
import type { LoaderEdit } from "../edits/index.ts";
import type { Architecture } from "../host/index.ts";
import { loaderFlags, mergeLoaderCache, type CacheEntry } from "../linux/index.ts";
import type { ContainerView } from "./container-view.ts";
import { editFile, findFilePlace, NO_FILE_EDIT, writeToLayer, type FileEdit, type FileScene } from "./etc-file.ts";
import { defaultLibraryFolders, LD_SO_CONF, listedFolders } from "./ld-so-conf.ts";
import { planMuslPaths } from "./musl-path.ts";
import { folderOf, isConfPath } from "./paths.ts";
import { cachedPaths, RECORD_PATH, type LayerRecord } from "./record.ts";

/** What the container's loaders need to find the libraries. */
export interface LoaderPlan {
  readonly edits: readonly FileEdit[];
  /** Folders that a later ldconfig must be told of. */
  readonly confFolders: readonly string[];
  /** For the record: see `LayerRecord`. */
  readonly record: Pick<LayerRecord, "cachePaths" | "made" | "muslFolders">;
  readonly warnings: readonly string[];
}

const LD_SO_CACHE = "/etc/ld.so.cache";
const MAX_CACHE_BYTES = 64 * 1024 * 1024;
const CONF_CONTENT = "include /etc/ld.so.conf.d/*.conf\n";
const LDCONFIG = ["/sbin/ldconfig", "/usr/sbin/ldconfig", "/usr/bin/ldconfig"];
const GLIBC_LOADERS = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-linux.so.2"];

/**
 * Plans ld.so.cache, ld.so.conf and musl's path file, and takes out what an older start put there. Throws BERTH-P002 when
 * the cache cannot be had and the image's loader would not find the libraries without it.
 */
export function planLoader(entries: readonly LoaderEdit[], old: LayerRecord, scene: FileScene): LoaderPlan {
  const { rootfs } = scene.view;
  // The loader of musl takes folders in one order for all: those of the image itself stay out of it.
  const own = entries.filter(({ isOfImage }) => !isOfImage);
  const musl = planMuslPaths(own, old, scene);
  const isGlibc = !musl.isMusl || GLIBC_LOADERS.some((path) => rootfs.stat(path) !== undefined);
  const glibc = isGlibc ? planGlibc(entries, old, scene) : planGlibc([], old, scene);
  return {
    edits: [...glibc.edits, ...musl.edits],
    confFolders: glibc.confFolders,
    record: {
      cachePaths: glibc.record.cachePaths,
      made: new Set([...glibc.record.made, ...musl.made]),
      muslFolders: musl.folders,
    },
    warnings: [...glibc.warnings, ...musl.warnings],
  };
}

function planGlibc(entries: readonly LoaderEdit[], old: LayerRecord, scene: FileScene): LoaderPlan {
  const cache = planCache(entries, old, scene);
  const conf = planConf(entries, old, scene);
  return {
    edits: [cache.edit, conf.edit],
    confFolders: unknownFolders(entries, scene.view),
    record: { cachePaths: cache.paths, made: conf.made, muslFolders: new Set() },
    warnings: cache.warnings,
  };
}

interface CachePlan {
  readonly edit: FileEdit;
  readonly paths: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

function planCache(entries: readonly LoaderEdit[], old: LayerRecord, scene: FileScene): CachePlan {
  const place = findFilePlace(LD_SO_CACHE, MAX_CACHE_BYTES, scene);
  const nothing = { edit: NO_FILE_EDIT, paths: new Set<string>(), warnings: [] };
  const isUntouched = old.cachePaths.size === 0 && (place.kind === "nowhere" || place.existing === undefined);
  if (entries.length === 0 && isUntouched) return nothing;
  if (place.kind === "nowhere") return { ...nothing, warnings: withoutCache(entries, place.why, scene.view) };
  const merged = mergeLoaderCache(place.existing, {
    add: entries.map(cacheEntry),
    removePaths: stalePaths(old, scene.view),
  });
  return {
    edit: editFile(LD_SO_CACHE, place, merged.bytes, scene),
    paths: new Set(place.kind === "layer" ? entries.map((entry) => entry.path) : []),
    warnings: merged.wasUnreadable
      ? [`"${LD_SO_CACHE}" of the image cannot be read as a loader cache and is replaced`]
      : [],
  };
}

function cacheEntry({ soname, path, architecture }: LoaderEdit): CacheEntry {
  return { soname, path, flags: loaderFlags(architecture), osVersion: 0, hwcap: 0n };
}

/** What an older start left in the cache; after an ldconfig in the container also by its name in /lib, if that is /usr/lib. */
function stalePaths(old: LayerRecord, view: ContainerView): ReadonlySet<string> {
  const paths = cachedPaths(old);
  if (paths.size === 0 || view.folder("/lib").path !== "/usr/lib") return paths;
  const aliases = [...paths].filter((path) => path.startsWith("/usr/lib")).map((path) => path.slice("/usr".length));
  return new Set([...paths, ...aliases]);
}

/** The loader searches its default folders without a cache: a warning will do there, and for what the image can do without. */
function withoutCache(entries: readonly LoaderEdit[], why: string, view: ContainerView): readonly string[] {
  const lost = entries.find(
    (entry) => !entry.isOfImage && !defaultsOf(view, entry.architecture).has(view.folder(folderOf(entry.path)).path),
  );
  if (lost === undefined) {
    return [
      `"${LD_SO_CACHE}" stays as it is (${why}): the loader finds the driver only because its folder is a default one`,
    ];
  }
  throw new BerthError({
    code: "BERTH-P002",
    message: `Cannot make "${lost.path}" known to the container's loader: ${why}, and "${folderOf(lost.path)}" is not a folder that it searches by itself`,
    remedy: `put an ld.so.cache (of the image, or an empty file) into the volume, or mount it below /etc instead of over it`,
  });
}

function defaultsOf(view: ContainerView, architecture: Architecture): ReadonlySet<string> {
  const folders = defaultLibraryFolders(view.rootfs, architecture);
  return new Set(folders.map((folder) => view.folder(folder).path));
}

/** The libraries' folders that ldconfig would not look into: to list one again would change the order of the others. */
function unknownFolders(entries: readonly LoaderEdit[], view: ContainerView): readonly string[] {
  const architectures = new Map(entries.map((entry) => [folderOf(entry.path), entry.architecture]));
  const ofImage = new Set(entries.filter(({ isOfImage }) => isOfImage).map(({ path }) => folderOf(path)));
  let listed: ReadonlySet<string> | undefined;
  const isListed = (folder: string): boolean => {
    listed ??= new Set(
      listedFolders(view.rootfs, RECORD_PATH)
        .filter(isConfPath)
        .map((each) => view.folder(each).path),
    );
    return listed.has(view.folder(folder).path);
  };
  const unknown = [...architectures].filter(([folder, architecture]) => {
    return isConfPath(folder) && !defaultsOf(view, architecture).has(view.folder(folder).path) && !isListed(folder);
  });
  const folders = unknown.map(([folder]) => folder).toSorted();
  // ldconfig prefers what is listed first, and the image's libraries are there to go before the driver's.
  return [...folders.filter((folder) => ofImage.has(folder)), ...folders.filter((folder) => !ofImage.has(folder))];
}

interface ConfPlan {
  readonly edit: FileEdit;
  readonly made: ReadonlySet<string>;
}

/** An image with an ldconfig but without ld.so.conf gets one, so that a later ldconfig reads our folder lines. */
function planConf(entries: readonly LoaderEdit[], old: LayerRecord, { view }: FileScene): ConfPlan {
  const isThere = view.rootfs.lstat(LD_SO_CONF) !== undefined;
  if (isThere) return { edit: NO_FILE_EDIT, made: new Set(old.made.has(LD_SO_CONF) ? [LD_SO_CONF] : []) };
  const isNeeded = entries.length > 0 && view.isWritable && view.file(LD_SO_CONF).cover === undefined;
  if (!isNeeded || !LDCONFIG.some((path) => view.rootfs.stat(path) !== undefined))
    return { edit: NO_FILE_EDIT, made: new Set() };
  const write = writeToLayer(LD_SO_CONF, Buffer.from(CONF_CONTENT), view);
  return { edit: { ...NO_FILE_EDIT, rootfsWrites: [write] }, made: new Set([LD_SO_CONF]) };
}
