import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes sure that `path` is a folder of `uid` that nobody else can read or write (0700). Folders above it are made with
 * 0755. Throws the error of the file call, or EPERM when something else stands there or somebody else owns it.
 */
export function makePrivateFolder(path: string, uid: number): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  const stats = lstatSync(path);
  if (!stats.isDirectory() || stats.uid !== uid) {
    const message = `EPERM: it is not a folder of user ${uid}, open '${path}'`;
    throw Object.assign(new Error(message), { code: "EPERM", path });
  }
  if ((stats.mode & 0o777) !== 0o700) chmodSync(path, 0o700);
}
