import { writeSync } from "node:fs";
import { BerthError, errnoCode, messageOf } from "./error.ts";

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

/** Prints data for the user or another program. Throws BERTH-X002. */
export function printOut(text: string): void {
  try {
    writeAll(1, text);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    const message = `Cannot print: ${messageOf(error)}`;
    throw new BerthError(
      { code: "BERTH-X002", message, remedy: "print it elsewhere, or make room there" },
      { cause: error },
    );
  }
}

/** Prints a message about the work, if it can be printed: nothing ends for want of room for a message. */
export function printErr(text: string): void {
  try {
    writeAll(2, text);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
  }
}
