import { getPriority, setPriority } from "node:os";
import { errnoCode } from "../base/index.ts";

const HIGHEST = -20;

/**
 * Does something that others wait for before everything else, where this process may (CAP_SYS_NICE): on a machine with more to do than it has processors, whoever has the only write lock would otherwise be kept from its few
 * milliseconds of work by those who wait for it. What runs afterwards, the low-level runtime too, runs as before.
 */
export function hurry<T>(work: () => T): T {
  const usual = getPriority();
  if (!trySetPriority(HIGHEST)) return work();
  try {
    return work();
  } finally {
    trySetPriority(usual);
  }
}

function trySetPriority(priority: number): boolean {
  try {
    setPriority(priority);
    return true;
  } catch (error) {
    if (["EACCES", "EPERM"].includes(errnoCode(error) ?? "")) return false;
    throw error;
  }
}
