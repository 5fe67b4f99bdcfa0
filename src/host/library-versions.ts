import { readElf } from "../linux/index.ts";
import { LIBRARY_FOLDERS } from "./capability-table.ts";
import { canonicalFolders, loaderFolders } from "./libraries.ts";
import { openScene, type SceneOptions } from "./scene.ts";
import { listIfThere, onMachine, resolveInRoot } from "./tree.ts";

/** The two libraries by which programs reach the driver, whatever version they have. */
const FILE = /^(libcuda|libnvidia-ml)\.so\.(\d{3,5}\.\d{1,5}(?:\.\d{1,5})?)$/;

/** A file of libcuda or libnvidia-ml. */
export interface VersionedLibrary {
  /** On this machine. */
  readonly hostPath: string;
  /** "libcuda" */
  readonly stem: string;
  /** "570.133.20" */
  readonly version: string;
  /** Whether the name that programs load (libcuda.so.1) leads to it. */
  readonly isLinked: boolean;
}

/**
 * The 64-bit files of libcuda and libnvidia-ml under a root, of every driver version that is there. Throws the errno of
 * a folder that cannot be read.
 */
export function listVersionedLibraries(root: string, options: SceneOptions): readonly VersionedLibrary[] {
  const scene = openScene(root, options, () => undefined);
  const { driverRoot } = scene;
  const folders = canonicalFolders(scene, [...LIBRARY_FOLDERS, ...loaderFolders(scene)]);
  return folders.flatMap((folder) => {
    const names = listIfThere(onMachine(driverRoot, folder)) ?? [];
    return names.toSorted().flatMap((name) => {
      const [, stem, version] = FILE.exec(name) ?? [];
      const path = `${folder}/${name}`;
      const hostPath = onMachine(driverRoot, path);
      if (stem === undefined || version === undefined || resolveInRoot(driverRoot, path) !== path) return [];
      const { architecture } = readElf(hostPath) ?? {};
      if (architecture === undefined || architecture === "i386") return [];
      const isLinked = resolveInRoot(driverRoot, `${folder}/${stem}.so.1`) === path;
      return [{ hostPath, stem, version, isLinked }];
    });
  });
}
