import { posix } from "node:path";
import type { EnvEdit, LoaderEdit } from "./edits.ts";

/** `NVIDIA_CTK_LIBCUDA_DIR`, by which programs in NVIDIA's images find the folders with the driver's `libcuda.so.1`; none without one. */
export function libcudaFolders(entries: readonly LoaderEdit[]): EnvEdit[] {
  const folders = new Set(
    entries.filter(({ soname }) => soname === "libcuda.so.1").map(({ path }) => posix.dirname(path)),
  );
  if (folders.size === 0) return [];
  return [{ name: "NVIDIA_CTK_LIBCUDA_DIR", value: [...folders].join(":"), reason: "where the driver's libcuda is" }];
}
