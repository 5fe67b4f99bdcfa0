import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { parseCgroups, type Place } from "./parse-cgroups.ts";

/** A process of this machine and whose it is. */
export interface OwnedProcess {
  readonly pid: number;
  /** The real user. */
  readonly uid: number | undefined;
  /** The program's name as the kernel has it, at most 15 bytes, of whatever the program wants. */
  readonly command: string | undefined;
  readonly place: Place;
}

/** Undefined: there is no such process any more, or procfs does not show it to this user. `proc`: "/proc". */
export function readProcess(pid: number, proc: string): OwnedProcess | undefined {
  const status = readOptional(join(proc, String(pid), "status"));
  if (status === undefined) return undefined;
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  return {
    pid,
    uid: uid === undefined ? undefined : Number(uid),
    command: readOptional(join(proc, String(pid), "comm"))?.replace(/\n$/, ""),
    place: parseCgroups(readOptional(join(proc, String(pid), "cgroup")) ?? ""),
  };
}

/** A process may go at any time. */
function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoCode(thrown) ?? "")) return undefined;
    throw thrown;
  }
}
