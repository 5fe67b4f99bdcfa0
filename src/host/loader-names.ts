import { parseLoaderCache, readBounded } from "../linux/index.ts";
import { openScene, type SceneOptions } from "./scene.ts";
import { onMachine, resolveInRoot } from "./tree.ts";

const CACHE = "/etc/ld.so.cache";
const CACHE_BYTES = 32 * 1024 * 1024;

/** What the loader's cache of a root knows. */
export interface LoaderNames {
  /** On this machine. */
  readonly hostPath: string;
  /** Undefined: the file cannot be understood. */
  readonly paths: ReadonlyMap<string, readonly string[]> | undefined;
}

/** By soname, the paths in <driver root>/etc/ld.so.cache; undefined: there is no such file. */
export function readLoaderNames(root: string, options: SceneOptions): LoaderNames | undefined {
  const { driverRoot } = openScene(root, options, () => undefined);
  const path = resolveInRoot(driverRoot, CACHE);
  if (path === undefined) return undefined;
  const hostPath = onMachine(driverRoot, path);
  const bytes = readBounded(hostPath, CACHE_BYTES);
  const cache = bytes === undefined ? undefined : parseLoaderCache(bytes);
  if (cache === undefined) return { hostPath, paths: undefined };
  const paths = new Map<string, readonly string[]>();
  for (const entry of cache.entries) paths.set(entry.soname, [...(paths.get(entry.soname) ?? []), entry.path]);
  return { hostPath, paths };
}
