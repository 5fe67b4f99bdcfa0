import { readSync } from "node:fs";
import { errnoCode } from "../base/index.ts";
import { errnoName, SysError, trySyscall } from "./sys.ts";

const SIG_SETMASK = 2;
const SET_BYTES = 8;
const PR_SET_DUMPABLE = 4;
const CLOSE_RANGE_CLOEXEC = 4;
const EVERY_DESCRIPTOR = 0xff_ff_ff_ff;
const POLLIN = 1;
const NOTHING = new Uint8Array();

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
  for (let total = 0; total <= maxBytes;) {
    waitForInput(fd, deadlineMs);
    const part = readSome(fd);
    if (part?.length === 0) return Buffer.concat(parts);
    parts.push(part ?? NOTHING);
    total += part?.length ?? 0;
  }
  throw new RangeError(`it has more than ${maxBytes} bytes`);
}

/** ppoll(2): `struct pollfd` is descriptor (4 bytes), asked for (2), found (2); the time limit seconds (8) and nanoseconds (8). */
function waitForInput(fd: number, deadlineMs: number): void {
  const asked = new Int32Array([fd, POLLIN]);
  const limit = new BigInt64Array([BigInt(Math.floor(deadlineMs / 1000)), BigInt((deadlineMs % 1000) * 1_000_000)]);
  const result = trySyscall("ppoll", asked, 1, limit, null, 0);
  if (result === 0) throw new RangeError(`nothing came for ${deadlineMs} ms`);
  if (result < 0 && errnoName(-result) !== "EINTR") throw new SysError("ppoll", -result);
}

/** Undefined: nothing is there after all. */
function readSome(fd: number): Uint8Array | undefined {
  const buffer = new Uint8Array(64 * 1024);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    if (errnoCode(error) === "EAGAIN") return undefined;
    throw error;
  }
}
