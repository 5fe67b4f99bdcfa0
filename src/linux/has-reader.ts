import { trySyscall } from "./sys.ts";

/** poll(2) */
const POLLERR = 8;
const REVENTS_AT = 6;

/** Whether anybody still reads what is written to a descriptor: of a pipe or socket whose other end is closed nobody does. */
export function hasReader(fd: number): boolean {
  const poll = new DataView(new ArrayBuffer(8));
  poll.setInt32(0, fd, true);
  const atOnce = new BigInt64Array(2);
  if (trySyscall("ppoll", new Uint8Array(poll.buffer), 1, atOnce, null, 0) < 0) return true;
  return (poll.getInt16(REVENTS_AT, true) & POLLERR) === 0;
}
