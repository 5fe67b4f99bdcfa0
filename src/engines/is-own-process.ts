import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { parseProcessStat, startTimeMs } from "../linux/index.ts";

/** Between an engine's clock reading and the start of the process. */
const TOLERANCE_MS = 5000;

export interface ContainerProcess {
  readonly id: string;
  readonly pid: number;
  /** RFC 3339; undefined: the engine does not say it. */
  readonly startedAt: string | undefined;
  /** The user whose engine says so, by number; undefined: root, or whoever asks. */
  readonly user: number | undefined;
}

/**
 * Whether the process of this machine with that number is the container's: its control groups are named after the id, as every engine does it, or, where they are switched
 * off, it began when the engine says. An engine in a virtual machine or on another one counts processes of its own; and what a user's engine says is that user's word, which counts for
 * processes in a user namespace of that user alone. `proc`: "/proc".
 */
export function isOwnProcess({ id, pid, startedAt, user }: ContainerProcess, proc: string): boolean {
  if (user !== undefined && !isMappedTo(user, pid, proc)) return false;
  const groups = readOptional(join(proc, `${pid}`, "cgroup"));
  if (groups === undefined) return false;
  const name = id.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  if (new RegExp(`[/:-]${name}(?:\\.scope)?(?:/|$)`, "m").test(groups)) return true;
  const began = startOf(pid, proc);
  const told = Date.parse(startedAt ?? "");
  return began !== undefined && Math.abs(began - told) <= TOLERANCE_MS;
}

/** Whether a user namespace of a process maps ids to a user, and not all of them. Source: user_namespaces(7). */
function isMappedTo(user: number, pid: number, proc: string): boolean {
  const lines = (readOptional(join(proc, `${pid}`, "uid_map")) ?? "").trim().split("\n");
  return lines.some((line) => {
    const [, outside = NaN, length = NaN] = line.trim().split(/\s+/).map(Number);
    return outside > 0 && outside <= user && user < outside + length;
  });
}

/** Milliseconds since 1970. */
function startOf(pid: number, proc: string): number | undefined {
  const stat = readOptional(join(proc, `${pid}`, "stat"));
  if (stat === undefined) return undefined;
  return startTimeMs(parseProcessStat(stat).startTicks, readOptional(join(proc, "stat")) ?? "");
}

/** Undefined where there is none; a process may go at any time. */
function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(errnoCode(thrown) ?? "")) return undefined;
    throw thrown;
  }
}
