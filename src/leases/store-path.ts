import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { onMachine, resolveInRoot } from "../host/index.ts";

const STATE = "/var/lib/berth";

/** Where the leases of the machine under `root` are. */
export function leaseFolder(root: string): string {
  return join(onMachine(root, resolveInRoot(root, STATE) ?? STATE), "leases");
}

export function storePath(folder: string): string {
  return join(folder, "leases.db");
}

/** Whether anybody has ever taken a lease there: one stat, and nothing of SQLite is loaded. */
export function hasLeaseStore(folder: string): boolean {
  return existsSync(storePath(folder));
}

/** Whether there is surely none: one that this user may not see is no such. */
export function lacksLeaseStore(folder: string): boolean {
  try {
    statSync(storePath(folder));
    return false;
  } catch (error) {
    return ["ENOENT", "ENOTDIR"].includes(errnoCode(error) ?? "");
  }
}
