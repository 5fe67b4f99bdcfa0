import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { parseProcessStat, ticksToMs } from "../linux/index.ts";
import { parseCgroups, type Place } from "./parse-cgroups.ts";

/** No more of a command line is kept. */
const MAX_COMMAND = 4096;

/** A process of this machine and whose it is. */
export interface OwnedProcess {
  readonly pid: number;
  /** The real user. */
  readonly uid: number | undefined;
  /** The program's name as the kernel has it, at most 15 bytes, of whatever the program wants. */
  readonly command: string | undefined;
  /** Its command line; empty: it has ended, or nobody may see it. Of whatever the program wants, too. */
  readonly words: readonly string[];
  /** Since the machine's boot, in milliseconds; with the number it names one process. */
  readonly startMs: number | undefined;
  /** Of processor time used. */
  readonly cpuMs: number | undefined;
  /** Of the machine's memory, resident. */
  readonly hostMemoryBytes: number | undefined;
  readonly place: Place;
}

/** Undefined: there is no such process any more, or procfs does not show it to this user. `proc`: "/proc". */
export function readProcess(pid: number, proc: string): OwnedProcess | undefined {
  const status = readOptional(join(proc, String(pid), "status"));
  if (status === undefined) return undefined;
  const { startTicks, usedTicks } = parseProcessStat(readOptional(join(proc, String(pid), "stat")) ?? "");
  const residentKib = numberIn(status, /^VmRSS:\s+(\d+) kB/m);
  return {
    pid,
    uid: numberIn(status, /^Uid:\s+(\d+)/m),
    words: wordsOf(readOptional(join(proc, String(pid), "cmdline")) ?? ""),
    startMs: startTicks === undefined ? undefined : ticksToMs(Number(startTicks)),
    cpuMs: usedTicks === undefined ? undefined : ticksToMs(usedTicks),
    hostMemoryBytes: residentKib === undefined ? undefined : residentKib * 1024,
    command: readOptional(join(proc, String(pid), "comm"))?.replace(/\n$/, ""),
    place: parseCgroups(readOptional(join(proc, String(pid), "cgroup")) ?? ""),
  };
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Of /proc/PID/cmdline, in which a program may write what it wants. */
function wordsOf(text: string): readonly string[] {
  const words = text.slice(0, MAX_COMMAND).replace(/\0+$/, "");
  return words === "" ? [] : words.split("\0");
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
