import { lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { isOpenBeyondRoot } from "../../linux/index.ts";

const STICKY = 0o1000;

/**
 * A sentence where others than root can change a program that engines start as root, or put another in its place;
 * undefined: nobody can. Links are followed.
 */
export function doubtRuntime(path: string): string | undefined {
  const real = realpathSync(path);
  const who = findOthers(real);
  if (who === undefined) return undefined;
  return `${who}: whoever can change the runtime "${path}" decides what engines start as root; berth install puts it where only root can`;
}

/** The outermost of a path's parts that somebody else can change. */
function findOthers(path: string): string | undefined {
  const above = path === "/" ? undefined : findOthers(dirname(path));
  if (above !== undefined) return above;
  const { uid, gid, mode } = lstatSync(path);
  if (uid !== 0) return `"${path}" belongs to user ${uid}`;
  return isOpenBeyondRoot({ gid, mode }) && (mode & STICKY) === 0 ? `"${path}" can be written by others` : undefined;
}
