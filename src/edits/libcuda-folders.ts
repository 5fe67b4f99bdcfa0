import { posix } from "node:path";
import type { EnvEdit, LoaderEdit } from "./edits.ts";

/**
 * `NVIDIA_CTK_LIBCUDA_DIR`, by which programs in NVIDIA's images find the folders with the driver's `libcuda.so.1`; none without one. For the places that the libraries
 * have in the container in the end.
 */
export function libcudaFolders(entries: readonly LoaderEdit[]): EnvEdit[] {
  const folders = new Set(
    entries
      .filter(({ soname, isOfImage }) => soname === "libcuda.so.1" && !isOfImage)
      .map(({ path }) => posix.dirname(path)),
  );
  if (folders.size === 0) return [];
  return [{ name: "NVIDIA_CTK_LIBCUDA_DIR", value: [...folders].join(":"), reason: "where the driver's libcuda is" }];
}
