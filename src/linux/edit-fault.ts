import { BerthError, errnoCode, messageOf } from "../base/index.ts";
import { effectiveUid } from "./proc.ts";

/** What the kernel says of a file, as what is wrong and what mends it. */
const REASONS: Readonly<Record<string, readonly [why: string, remedy: (path: string) => string]>> = {
  EACCES: ["this user may not change it", () => "run it again as root"],
  EPERM: ["this user may not change it", () => "run it again as root"],
  EROFS: [
    "its file system is mounted read-only",
    (path) => `mount -o remount,rw "$(findmnt -n -o TARGET --target '${path}')"`,
  ],
  ENOSPC: ["its file system is full", (path) => `make room: df -h '${path}'`],
  EDQUOT: ["the disk quota is used up", () => "make room, or have the quota raised"],
  EBUSY: [
    "it is a mount of its own, as a single file that was bind-mounted into a container is, and cannot be replaced in one step",
    () => "change the file where it was mounted from, or mount its folder instead",
  ],
  ELOOP: ["its links lead in a circle", () => "mend the links"],
  ENOTDIR: ["something on the way to it is no folder", () => "mend the path"],
  ENAMETOOLONG: ["its name is too long", () => "choose a shorter name"],
};

const FORBIDDEN: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** The T003 error for a file call that failed; `immutable` says that the file or its folder has that mark. */
export function cannotChange(path: string, cause: unknown, immutable?: string): BerthError {
  if (cause instanceof BerthError) return cause;
  const code = errnoCode(cause) ?? "";
  if (code === "EPERM" && immutable !== undefined) {
    const why = `"${immutable}" is marked as immutable or append-only`;
    return fault("BERTH-T003", path, { why, remedy: `chattr -i -a '${immutable}'`, cause });
  }
  if (FORBIDDEN.has(code) && effectiveUid() === 0) {
    const why = "the kernel does not permit it, not even to root";
    return fault("BERTH-T003", path, { why, remedy: "look for what a security module denied: dmesg | tail", cause });
  }
  const [why = messageOf(cause), remedy = () => "see what the message says of the file"] = REASONS[code] ?? [];
  return fault("BERTH-T003", path, { why, remedy: remedy(path), cause });
}

/** The T004 error for a file that is not one to be changed. */
export function notChanged(path: string, why: string, remedy: string): BerthError {
  return fault("BERTH-T004", path, { why, remedy });
}

/** The T005 error for a file that somebody else is changing. */
export function inUse(path: string, why: string, remedy: string): BerthError {
  return fault("BERTH-T005", path, { why, remedy });
}

interface Reason {
  readonly why: string;
  readonly remedy: string;
  readonly cause?: unknown;
}

function fault(code: "BERTH-T003" | "BERTH-T004" | "BERTH-T005", path: string, { why, remedy, cause }: Reason) {
  return new BerthError({ code, message: `Cannot change "${path}": ${why}`, remedy }, { cause });
}
