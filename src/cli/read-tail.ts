import { readSync } from "node:fs";
import { errnoCode } from "../base/index.ts";

const PART = 64 * 1024;

/** The last `maxBytes` of what a descriptor gives until its end, however much that is: what matters of a log is said last. */
export function readTail(fd: number, maxBytes: number): Uint8Array {
  let parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = readPart(fd);
    if (part?.length === 0) return Buffer.concat(parts).subarray(-maxBytes);
    if (part === undefined) continue;
    parts.push(part);
    length += part.length;
    if (length <= 2 * maxBytes) continue;
    parts = [Buffer.concat(parts).subarray(-maxBytes)];
    length = maxBytes;
  }
}

/** Undefined: nothing is there yet, in a pipe that does not block. */
function readPart(fd: number): Uint8Array | undefined {
  const buffer = new Uint8Array(PART);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    if (errnoCode(error) === "EOF") return new Uint8Array();
    if (errnoCode(error) !== "EAGAIN") throw error;
    Bun.sleepSync(10);
    return undefined;
  }
}
