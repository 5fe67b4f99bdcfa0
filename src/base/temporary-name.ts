import { errnoCode } from "./error.ts";

/**
 * The name of a file that stands only until it is renamed: it tells whose it is, so that one that a killed process left can be known
 * for what it is. One process makes one at a time.
 */
export function temporaryName(prefix: string): string {
  return `${prefix}${process.pid}`;
}

/** Whether `name` is a temporary name of this prefix that no living process is about to rename. */
export function isAbandoned(name: string, prefix: string): boolean {
  if (!name.startsWith(prefix)) return false;
  const pid = /^[1-9][0-9]{0,9}$/.exec(name.slice(prefix.length))?.[0];
  return pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoCode(error) !== "ESRCH";
  }
}
