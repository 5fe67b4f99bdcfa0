import { constants } from "node:fs";
import { trySyscall } from "./sys.ts";

/** O_PATH: a place, not its content. Opening a FIFO or a device this way does nothing to it. */
export const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/** Every lookup: the handle is "/" for links and "..", and links of procfs that jump anywhere are refused (openat2(2)). */
export const LOOK_UP = 0x10 | 0x02;
/** As LOOK_UP, and no mount is crossed: what is written never lands in a volume of the host. */
export const WRITE = LOOK_UP | 0x01;
/** One name directly in the handle: no link, no mount. */
export const ONE_NAME = 0x08 | 0x04 | 0x02 | 0x01;

/** What `..` in a link and a rename elsewhere at the same time need (the kernel answers EAGAIN); then it fails closed. */
const MAX_TRIES = 128;
const AGAIN: ReadonlySet<number> = new Set([-4, -11]); // EINTR, EAGAIN

export interface OpenHow {
  readonly flags: number;
  readonly resolve: number;
  readonly mode?: number;
}

/** Opens `path` from a folder's descriptor with openat2(2). Returns a close-on-exec descriptor or the negative errno. */
export function openIn(folder: number, path: string, how: OpenHow): number {
  const words = new BigUint64Array(3);
  words[0] = BigInt(how.flags | O_CLOEXEC);
  words[1] = BigInt(how.mode ?? 0);
  words[2] = BigInt(how.resolve);
  let result = trySyscall("openat2", folder, path, words, words.byteLength);
  for (let tries = 1; tries < MAX_TRIES && AGAIN.has(result); tries++) {
    result = trySyscall("openat2", folder, path, words, words.byteLength);
  }
  return result;
}

/** The flags of a folder's handle: a place from which names are looked up. */
export const FOLDER = O_PATH | constants.O_DIRECTORY;
