import { mkdtempSync, rmSync } from "node:fs";
import { isUserNamespace } from "../linux/index.ts";

/**
 * Calls `work` with the folder for files that exist for one container only, until they are mounted: berth's own, `stateDir`. A user without rights, who cannot write there, gets a
 * private one that is gone afterwards; what was mounted from it stays.
 */
export async function withStateFolder<T>(stateDir: string, work: (stateDir: string) => T | Promise<T>): Promise<T> {
  if (!isUserNamespace()) return await work(stateDir);
  const folder = mkdtempSync("/tmp/berth-");
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
