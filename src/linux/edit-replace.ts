import { join } from "node:path";
import { syncFolder, type EditPlace } from "./edit-place.ts";
import { swapIn, swapOut, type OldFile } from "./edit-swap.ts";
import { makeBackup, makeFile, pruneBackups, remove, swapName, temporaryFor } from "./edit-temporary.ts";
import { statAt } from "./file-stat.ts";
import { syscall } from "./sys.ts";

/** What is to happen to a file: new bytes, or without them that it goes. */
export interface Change {
  readonly place: EditPlace;
  readonly old: OldFile | undefined;
  readonly bytes: Uint8Array | undefined;
  readonly hasBackup: boolean;
  readonly validate: (temporaryPath: string) => void;
}

export interface Done {
  readonly backup: string | undefined;
  readonly warnings: readonly string[];
}

/** Undefined: somebody else was there first, and nothing has changed. Whatever happens, no temporary file stays. */
export function carryOut(change: Change): Done | undefined {
  const { place, old, bytes } = change;
  const { folder, folderPath, name } = place;
  const made = temporaryFor(name, "new");
  const swapped = swapName(name, bytes, old?.bytes);
  const lost = bytes === undefined ? [] : makeFile(folder, made, bytes, old);
  const own = bytes && statAt(folder, made)?.ino;
  let done: { readonly backup: string | undefined } | undefined;
  try {
    if (bytes !== undefined) change.validate(join(folderPath, made));
    done = swapWithBackup(change, made, swapped);
  } finally {
    if (isOwn(folder, made, own)) remove(folder, made);
    // What somebody else wrote is never taken away: after a failed exchange it may be what has this name.
    if (done !== undefined || isOwn(folder, swapped, own)) remove(folder, swapped);
  }
  if (done === undefined) return undefined;
  syncFolder(folderPath, folder);
  const left = done.backup === undefined ? [] : pruneBackups(place);
  const backup = done.backup && join(folderPath, done.backup);
  return { backup, warnings: [...warningsOf(place.path, old, lost), ...left] };
}

/** A backup is there before the file changes, and only if it does. */
function swapWithBackup(change: Change, made: string, swapped: string) {
  const { place, old, bytes } = change;
  const backup = change.hasBackup && old !== undefined ? makeBackup(place, old, new Date()) : undefined;
  let isDone = false;
  try {
    if (bytes !== undefined) syscall(place.path, "renameat", place.folder, made, place.folder, swapped);
    isDone = swap(change, swapped);
    return isDone ? { backup } : undefined;
  } finally {
    if (!isDone && backup !== undefined) remove(place.folder, backup);
  }
}

function swap({ place, old, bytes }: Change, temporary: string): boolean {
  if (bytes !== undefined) return swapIn(place, temporary, old);
  return old === undefined || swapOut(place, temporary, old);
}

function isOwn(folder: number, name: string, own: bigint | undefined): boolean {
  return own !== undefined && statAt(folder, name)?.ino === own;
}

function warningsOf(path: string, old: OldFile | undefined, lost: readonly string[]): readonly string[] {
  const warnings = lost.map((name) => `"${path}" could not be given its attribute "${name}" again`);
  const links = old?.stats.nlink ?? 1n;
  if (links < 2n) return warnings;
  return [`"${path}" had ${links - 1n} other names (hard links), which still lead to the old text`, ...warnings];
}
