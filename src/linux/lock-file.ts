import { closeSync, constants, openSync } from "node:fs";
import { errnoName, SysError, trySyscall } from "./sys.ts";

const LOCK_EX_NB = 2 | 4;
const PAUSE_MS = 50;

/**
 * Holds a file for this process alone (flock(2)), made where it is not there; it is free again once the result is disposed of or the process has ended, however. Throws a RangeError when
 * another one holds it for `deadlineMs`, and errno errors.
 */
export function lockFile(path: string, deadlineMs: number): Disposable {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const free = { [Symbol.dispose]: () => closeSync(fd) };
  try {
    for (let waited = 0; ; waited += PAUSE_MS) {
      const result = trySyscall("flock", fd, LOCK_EX_NB);
      if (result === 0) return free;
      if (errnoName(-result) !== "EAGAIN") throw new SysError("flock", -result, path);
      if (waited >= deadlineMs) throw new RangeError(`another process has held "${path}" for ${deadlineMs} ms`);
      Bun.sleepSync(PAUSE_MS);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
