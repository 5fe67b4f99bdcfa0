import { parseStrictInteger } from "../base/index.ts";

/** Ticks a second of the times in procfs: USER_HZ, 100 on every architecture that berth is built for (proc(5), /proc/PID/stat). */
const TICKS_PER_SECOND = 100;
/** Behind the command's closing bracket, which is the last one: field 3 is the state, field 22 the start (proc_pid_stat(5)). */
const STATE = 0;
const PARENT = 1;
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const START_TIME = 19;

const MAX_PID = 4_194_304;

/** What /proc/PID/stat says of a process. */
export interface ProcessStat {
  /** "Z": it has ended, and waits for its parent. */
  readonly state: string | undefined;
  /** The number of the process that has started it, or has taken it over; undefined: it does not say. */
  readonly parent: number | undefined;
  /** In clock ticks since the boot: with the boot's id and the process's number it names one process for ever. */
  readonly startTicks: string | undefined;
  /** Of processor time that all its threads have used; undefined: it does not say. */
  readonly usedTicks: number | undefined;
}

/** Reads the text of /proc/PID/stat; the command in it may hold anything. */
export function parseProcessStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const used = Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME]);
  return {
    state: fields[STATE],
    parent: parseStrictInteger(fields[PARENT] ?? "", MAX_PID),
    startTicks: fields[START_TIME],
    usedTicks: Number.isFinite(used) ? used : undefined,
  };
}

/** Milliseconds of clock ticks of procfs. */
export function ticksToMs(ticks: number): number {
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** When the machine was booted, in seconds since 1970, by the text of /proc/stat (proc_stat(5), `btime`); undefined: it does not say. */
export function parseBootSeconds(text: string): number | undefined {
  const seconds = /^btime (\d{1,15})$/m.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}

/**
 * When a process was started, in milliseconds since 1970, within a second. `machine`: the text of /proc/stat.
 * Undefined: one of the two is not known.
 */
export function startTimeMs(startTicks: string | undefined, machine: string): number | undefined {
  const boot = parseBootSeconds(machine);
  if (boot === undefined || startTicks === undefined) return undefined;
  return boot * 1000 + (Number(startTicks) * 1000) / TICKS_PER_SECOND;
}

/** A variable in the text of /proc/PID/environ: what the process was started with. */
export function variableIn(environ: string, name: string): string | undefined {
  const entry = environ.split("\0").find((each) => each.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

/** The folders where a process that was started with these variables looks for programs; undefined: it has no PATH. */
export function searchPathIn(environ: string): readonly string[] | undefined {
  return variableIn(environ, "PATH")
    ?.split(":")
    .filter((folder) => folder.startsWith("/"));
}
