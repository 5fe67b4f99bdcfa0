import type { Grant } from "../grant/index.ts";
import type { LoaderEdit } from "./edits.ts";

/** The image's own, newer CUDA libraries as loader entries, which are to stand before the driver's: nothing is mounted, nothing is changed in the image. */
export function forwardCompatibility({ compat }: Grant): LoaderEdit[] {
  if (compat === undefined) return [];
  const { reason } = compat;
  return compat.libraries.libraries.map(({ soname, path, architecture }) => {
    return { soname, path, architecture, isOfImage: true, reason };
  });
}
