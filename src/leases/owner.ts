import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { errnoCode } from "../base/index.ts";
import { parseProcessStat } from "../linux/index.ts";
import { isPopulated } from "./cgroup-populated.ts";

/** A process by what names it for ever, so that anybody can say at any later time whether it lives. */
export interface Owner {
  /** What the kernel drew at its boot. */
  readonly boot: string;
  /** "pid:[4026531836]": the namespace in which `pid` counts. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** Clock ticks since the boot (field 22 of proc_pid_stat(5)). */
  readonly start: string;
  /** Folders of control groups that are its alone: it lives as long as one of them holds a process. */
  readonly cgroups: readonly string[];
}

/** Where this process looks: procfs, the boot and the namespace it is of. */
export interface Here {
  readonly proc: string;
  readonly boot: string;
  readonly pidNamespace: string;
}

/** `gone-boot`: of a boot that is over, so that nothing of it can be left. `foreign`: counted in another namespace, which cannot be judged from here. */
export type Life = "alive" | "dead" | "gone-boot" | "foreign";

export function lookHere(boot: string, proc = "/proc"): Here {
  return { proc, boot, pidNamespace: readlinkSync(join(proc, "self/ns/pid")) };
}

/** The process of that number as an owner; undefined: there is none. */
export function identify(pid: number, here: Here, cgroups: readonly string[] = []): Owner | undefined {
  const stat = readStat(pid, here);
  if (stat === undefined || !stat.isLiving) return undefined;
  return { boot: here.boot, pidNamespace: here.pidNamespace, pid, start: stat.start, cgroups };
}

/** Whether an owner still lives. A number that another process has by now is known by its start time; what cannot be read may live. */
export function lifeOf(owner: Owner, here: Here): Life {
  if (owner.boot !== here.boot) return "gone-boot";
  if (owner.pidNamespace !== here.pidNamespace) return "foreign";
  try {
    return isAlive(owner, here) ? "alive" : "dead";
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return "alive";
  }
}

function isAlive(owner: Owner, here: Here): boolean {
  const stat = readStat(owner.pid, here);
  if (stat?.isLiving === true && stat.start === owner.start) return true;
  return (stat === undefined && isHidden(owner.pid)) || owner.cgroups.some(isPopulated);
}

/** Deeper than any chain of processes that starts a program. */
const MAX_DEPTH = 64;

/** Whether `pid` is that process, or was started by it or by one that it has started. */
export function isBelow(pid: number, ancestor: number, here: Here): boolean {
  let each: number | undefined = pid;
  for (let depth = 0; depth < MAX_DEPTH && each !== undefined && each > 0; depth += 1) {
    if (each === ancestor) return true;
    each = readStat(each, here)?.parent;
  }
  return false;
}

interface Stat {
  readonly start: string;
  readonly isLiving: boolean;
  readonly parent: number | undefined;
}

function readStat(pid: number, { proc }: Here): Stat | undefined {
  const folder = join(proc, `${pid}`);
  try {
    const { state, startTicks: start, parent } = parseProcessStat(readFileSync(join(folder, "stat"), "utf8"));
    if (start === undefined) return undefined;
    // A zombie is dead, unless only its first thread has ended.
    const isZombie = /^[ZX]$/.test(state ?? "") && readdirSync(join(folder, "task")).length <= 1;
    return { start, isLiving: !isZombie, parent };
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(errnoCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** Where procfs hides others' processes (hidepid), a signal still tells one that is there: EPERM. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoCode(error) === "EPERM";
  }
}
