import { closeSync, constants, readFileSync } from "node:fs";
import { isAbandoned, sha256Of } from "../base/index.ts";
import { ANY_NAME, type EditPlace } from "./edit-place.ts";
import { GONE, namesIn, prefixFor, remove, shortHash, SWAP } from "./edit-temporary.ts";
import { statAt, statDescriptor } from "./file-stat.ts";
import { openIn } from "./open-in.ts";
import { effectiveUid } from "./proc.ts";
import { trySyscall } from "./sys.ts";

/** renameat2(2) */
const NOREPLACE = 1;
const EXCHANGE = 2;

/**
 * Takes away what editors of this file left that were killed. One that was killed after it had put its text in the
 * place of another program's, and before it had put that back, has left that text under its own temporary name: it goes
 * back now, and the answer is true.
 */
export function sweep(place: EditPlace): boolean {
  const { folder, name } = place;
  const unfinished = [prefixFor(name, "new"), prefixFor(name, "old")];
  let hasPutBack = false;
  for (const each of namesIn(folder)) {
    const isSwapped = each.startsWith(prefixFor(name, "swap"));
    if (unfinished.some((prefix) => isAbandoned(each, prefix))) remove(folder, each);
    else if (isSwapped && isEditors(place, each) && settle(place, each)) hasPutBack = true;
  }
  return hasPutBack;
}

const OTHERS_CAN_WRITE = 0o022;

/** In a folder like /tmp anybody can give a file such a name: there only those count that the file's owner, root or this user has. */
function isEditors({ folder, found }: EditPlace, name: string): boolean {
  if ((statDescriptor(folder).mode & OTHERS_CAN_WRITE) === 0) return true;
  const uid = statAt(folder, name)?.uid;
  return uid !== undefined && [0, effectiveUid(), found?.uid].includes(uid);
}

/** The name says what the editor meant to write, and what it had read: anything else is somebody else's. */
function settle({ folder, name }: EditPlace, left: string): boolean {
  const [, written, read] = SWAP.exec(left.slice(prefixFor(name, "swap").length)) ?? [];
  if (written === undefined || !isAbandoned(left, left.replace(/\d+$/, ""))) return false;
  const content = hashOf(folder, left);
  const current = hashOf(folder, name);
  const isOthers = content !== GONE && content !== written && content !== read;
  // What was written after the kill counts more than what was there before it.
  const flags = current === GONE ? NOREPLACE : EXCHANGE;
  const hasPutBack =
    isOthers && current === written && trySyscall("renameat2", folder, left, folder, name, flags) === 0;
  remove(folder, left);
  return hasPutBack;
}

function hashOf(folder: number, name: string): string {
  if (statAt(folder, name)?.kind !== "file") return GONE;
  const fd = openIn(folder, name, { flags: constants.O_RDONLY | constants.O_NONBLOCK, resolve: ANY_NAME });
  if (fd < 0) return GONE;
  try {
    return shortHash(sha256Of(readFileSync(fd)));
  } finally {
    closeSync(fd);
  }
}
