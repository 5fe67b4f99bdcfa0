import { basename, dirname, join } from "node:path";
import { realPath } from "../../base/index.ts";

/** A path with the links of its folder followed, as far as it exists: /var/run/docker.sock and /run/docker.sock are one. */
export function placeOf(path: string): string {
  return join(realPath(dirname(path)), basename(path));
}

/** Whether a path of this machine lies under a folder. */
export function isBelow(path: string, folder: string): boolean {
  const [inner, outer] = [placeOf(path), placeOf(join(folder, "."))];
  return folder === "/" || inner.startsWith(`${outer}/`) || path.startsWith(`${folder}/`);
}
