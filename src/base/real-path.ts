import { realpathSync } from "node:fs";
import { errnoCode } from "./error.ts";

/** A path of this machine without links; one that leads nowhere, or that this user may not follow, as it is. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return path;
  }
}
