import { writeSync } from "node:fs";
import { errnoCode } from "./error.ts";

/**
 * Writes all of `text` to an open descriptor, blocking. `process.stdout` is never used: it costs 9 ms and leaves the
 * description that is shared with the container non-blocking. A reader that went away is not an error.
 */
export function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    const written = writeSome(fd, rest);
    if (written === undefined) return;
    rest = rest.subarray(written);
  }
}

function writeSome(fd: number, bytes: Uint8Array): number | undefined {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if (errnoCode(error) === "EPIPE" || errnoCode(error) === "EBADF") return undefined;
    if (errnoCode(error) !== "EAGAIN") throw error;
    Bun.sleepSync(1);
    return 0;
  }
}

/** Prints data for the user or another program. */
export function printOut(text: string): void {
  writeAll(1, text);
}

/** Prints a message about the work. */
export function printErr(text: string): void {
  writeAll(2, text);
}
