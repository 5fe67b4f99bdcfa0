import { lstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DROP_INS, errnoCode } from "../base/index.ts";
import { isLauncher } from "../linux/index.ts";
import type { Layout } from "./layout.ts";

/** Where the NVIDIA stack's programs are, by its packages and by its installer for Kubernetes. */
const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/local/nvidia/toolkit"];
const MAX_LAUNCHER_BYTES = 256 * 1024;

/**
 * The programs of the NVIDIA stack on this machine that are not berth's: those beside which our names would go, and
 * those that our names would hide.
 */
export function findToolkit(root: string, { bin }: Layout): readonly string[] {
  const paths = [...new Set([bin, ...FOLDERS])].flatMap((folder) => DROP_INS.map((name) => join(folder, name)));
  return paths.filter((path) => {
    const there = lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
    return there && !isOurs(join(root, path));
  });
}

/** Whether a file is a launcher of berth's, or leads to one. */
export function isOurs(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size > MAX_LAUNCHER_BYTES) return false;
  try {
    return isLauncher(readFileSync(path));
  } catch (error) {
    // What may not be read is somebody else's.
    if (errnoCode(error) === "EACCES") return false;
    throw error;
  }
}
