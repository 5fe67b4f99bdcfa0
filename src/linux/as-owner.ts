import { trySyscall } from "./sys.ts";
import type { Owner } from "./write-at.ts";

/**
 * Does `work` with the owner's rights over files (setfsuid(2)): in a file system that a container's user namespace has mounted, nobody can make a file whose own number has no
 * place in that namespace, root neither. Nothing changes for root's own.
 */
export function asOwner<T>({ uid, gid }: Owner, work: () => T): T {
  const [before, group] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (uid === before && gid === group) return work();
  trySyscall("setfsgid", gid);
  trySyscall("setfsuid", uid);
  try {
    return work();
  } finally {
    trySyscall("setfsuid", before);
    trySyscall("setfsgid", group);
  }
}
