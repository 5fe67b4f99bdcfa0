import { readSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { trySyscall } from "./sys.ts";

const SIG_SETMASK = 2;
const SET_BYTES = 8;
const PR_SET_DUMPABLE = 4;
const CLOSE_RANGE_CLOEXEC = 4;
const EVERY_DESCRIPTOR = 0xff_ff_ff_ff;

/**
 * What a hook does before anything else: no signal blocked (crun blocks nearly all), no inherited descriptor for a child, not to be traced or looked into by the container's
 * processes, which can be in its PID namespace, and files for others to read whatever the engine's umask was.
 */
export function hardenHook(): void {
  trySyscall("rt_sigprocmask", SIG_SETMASK, new BigUint64Array(1), null, SET_BYTES);
  trySyscall("close_range", 3, EVERY_DESCRIPTOR, CLOSE_RANGE_CLOEXEC);
  trySyscall("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0);
  process.umask(0o022);
}

/** Ends this process at once, without clearing up a heap that the kernel throws away. What was printed is out already. */
export function exitNow(code: number): never {
  trySyscall("exit_group", code);
  return process.exit(code);
}

/**
 * All of a descriptor to its end, a pipe that does not block too. Throws a RangeError for more than `maxBytes`, and when nothing comes for `deadlineMs`.
 */
export function readInput(fd: number, maxBytes: number, deadlineMs: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let [total, waited] = [0, 0];
  for (;;) {
    const part = readSome(fd);
    if (part?.length === 0) return Buffer.concat(parts);
    if (part === undefined) {
      if (waited++ >= deadlineMs) throw new RangeError(`nothing came for ${deadlineMs} ms`);
      Bun.sleepSync(1);
      continue;
    }
    waited = 0;
    parts.push(part);
    total += part.length;
    if (total > maxBytes) throw new RangeError(`it has more than ${maxBytes} bytes`);
  }
}

/** Undefined: nothing is there yet. */
function readSome(fd: number): Uint8Array | undefined {
  const buffer = new Uint8Array(64 * 1024);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    if (errnoCode(error) === "EAGAIN") return undefined;
    throw error;
  }
}
