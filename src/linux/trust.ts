import { effectiveUid } from "./proc.ts";

const WORLD_CAN_WRITE = 0o002;
const GROUP_CAN_WRITE = 0o020;

/** The owner of a file and its mode, as stat(2) gives them. */
export interface Ownership {
  readonly uid: number;
  readonly mode: number;
}

/** Whether a file is root's or the user's own: whoever else owns it can change it whatever its mode is. */
export function isOwnerTrusted({ uid }: Pick<Ownership, "uid">, user = effectiveUid()): boolean {
  return uid === 0 || uid === user;
}

/** Whether its mode lets users other than its owner write it. */
export function isOpenToOthers({ mode }: Pick<Ownership, "mode">): boolean {
  return (mode & (GROUP_CAN_WRITE | WORLD_CAN_WRITE)) !== 0;
}

/** The same, where root's own group counts as root: so are files of many distributions. */
export function isOpenBeyondRoot({ gid, mode }: { readonly gid: number; readonly mode: number }): boolean {
  return (mode & WORLD_CAN_WRITE) !== 0 || ((mode & GROUP_CAN_WRITE) !== 0 && gid !== 0);
}

/** Whether only root and this user can have written a file, so that what it says may be done, and what it is may be started. */
export function isTrusted(file: Ownership): boolean {
  return isOwnerTrusted(file) && !isOpenToOthers(file);
}
