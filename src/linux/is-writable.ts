import { accessSync, constants } from "node:fs";
import { errnoCode } from "../base/index.ts";

/** A file system that is mounted read-only refuses everybody; for anything else the writing itself will tell. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    return errnoCode(error) !== "EROFS" && errnoCode(error) !== "EACCES";
  }
}
