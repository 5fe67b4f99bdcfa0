import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { errnoCode } from "../../base/index.ts";
import { effectiveUid, isSameFile, parseProcessStat, startTimeMs, variableIn } from "../../linux/index.ts";

/** A daemon that runs on this machine, by what the kernel says of it. */
export interface DaemonProcess {
  readonly pid: number;
  /** In clock ticks since the boot: with `pid` it names one process. */
  readonly startedAt: string;
  readonly uid: number;
  /** The file that it was started from; a replaced one has " (deleted)" behind its path. */
  readonly program: string;
  /** Its command line without the first word. */
  readonly args: readonly string[];
  readonly cwd: string;
}

/** What a process that has just ended, or is another user's, answers. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM", "ENOTDIR"]);

/** The words of a daemon's program that does one thing and ends: to judge a file, to print something. */
const ONE_SHOT: ReadonlySet<string> = new Set([
  "--validate", "--version", "-v", "--help", "-h", "help", "version", "config", "status", "publish", "oci-hook", "wipe", "check", "complete",
]); // prettier-ignore

/**
 * The processes of a program's name on this machine itself: those of containers, which see another root folder, or
 * count processes of their own, are none of them, nor one that only judges or prints something. Those of another user
 * are none either, not for root: anybody can call a process so, and would have root start its program and change the
 * files that its command line names.
 */
export function findDaemons(name: string, proc = "/proc"): readonly DaemonProcess[] {
  const pids = readdirSync(proc).filter((entry) => /^[1-9]\d*$/.test(entry));
  const found = pids.flatMap((pid) => ifThere(() => readDaemon(join(proc, pid), Number(pid), name, proc)) ?? []);
  // A daemon's child has its name until it becomes another program.
  return found
    .filter(({ args }) => !args.some((word) => ONE_SHOT.has(word)))
    .toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt) || a.pid - b.pid);
}

/** Whether this very process still runs. */
export function isRunning({ pid, startedAt }: DaemonProcess, proc = "/proc"): boolean {
  return ifThere(() => startOf(join(proc, `${pid}`))) === startedAt;
}

/** When a daemon was started, in milliseconds since 1970, within a second. */
export function startedMs({ startedAt }: Pick<DaemonProcess, "startedAt">, proc = "/proc"): number {
  return startTimeMs(startedAt, readFileSync(join(proc, "stat"), "utf8")) ?? Number.NaN;
}

/** The paths of the Unix sockets that a process listens on, as they were bound. Source: proc(5), /proc/net/unix. */
export function listeningOn({ pid }: DaemonProcess, proc = "/proc"): readonly string[] {
  return ifThere(() => socketPaths(join(proc, `${pid}`))) ?? [];
}

function readDaemon(folder: string, pid: number, name: string, proc: string): DaemonProcess | undefined {
  if (readFileSync(join(folder, "comm"), "utf8").trimEnd() !== name) return undefined;
  if (!isOfThisMachine(folder, proc) || !isOfThisUser(folder)) return undefined;
  const [, ...args] = readFileSync(join(folder, "cmdline"), "utf8").replace(/\0$/, "").split("\0");
  const startedAt = startOf(folder);
  if (startedAt === undefined) return undefined;
  return {
    pid,
    startedAt,
    uid: effectiveUid(),
    program: readlinkSync(join(folder, "exe")),
    args,
    cwd: readlinkSync(join(folder, "cwd")),
  };
}

/** Undefined for one that has ended and waits for its parent. */
function startOf(folder: string): string | undefined {
  const { state, startTicks } = parseProcessStat(readFileSync(join(folder, "stat"), "utf8"));
  return state === "Z" ? undefined : startTicks;
}

/** The paths in its command line are this machine's only where it has the same root folder. */
function isOfThisMachine(folder: string, proc: string): boolean {
  return (
    isSameFile(join(folder, "root"), join(proc, "self/root")) &&
    isSameFile(join(folder, "ns/pid"), join(proc, "self/ns/pid"))
  );
}

/** The real, the effective and the saved user of proc_pid_status(5). */
const USERS = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t/m;
const LENDS_RIGHTS = 0o6000;

/** Whoever starts a program with the set-user-ID bit chooses the words of a process that is root's by its numbers. */
function isOfThisUser(folder: string): boolean {
  const users = USERS.exec(readFileSync(join(folder, "status"), "utf8"))?.slice(1) ?? [];
  const mode = statSync(join(folder, "exe"), { throwIfNoEntry: false })?.mode ?? 0;
  return users.length > 0 && users.every((uid) => uid === `${effectiveUid()}`) && (mode & LENDS_RIGHTS) === 0;
}

/** __SO_ACCEPTCON, the kernel's mark of a socket that is listened on. */
const LISTENING = "00010000";

function socketPaths(folder: string): readonly string[] {
  const sockets = new Set(
    readdirSync(join(folder, "fd")).flatMap((fd) => {
      return /^socket:\[(\d+)\]$/.exec(ifThere(() => readlinkSync(join(folder, "fd", fd))) ?? "")?.[1] ?? [];
    }),
  );
  const lines = readFileSync(join(folder, "net/unix"), "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, flags, inode = "", path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
    return flags === LISTENING && path !== undefined && sockets.has(inode) ? [path] : [];
  });
}

/**
 * The values of an option in a command line, whichever of its names stands there: `--name VALUE`, `--name=VALUE`, `-n
 * VALUE`. Not for options without a value.
 */
export function optionValues(args: readonly string[], ...names: readonly string[]): readonly string[] {
  return args.flatMap((word, at) => {
    const name = names.find((each) => word === each || word.startsWith(`${each}=`));
    if (name === undefined) return [];
    const value = word === name ? args[at + 1] : word.slice(name.length + 1);
    return value === undefined ? [] : [value];
  });
}

/** A path of a daemon's command line, from its working folder. */
export function daemonPath({ cwd }: Pick<DaemonProcess, "cwd">, path: string): string {
  return resolve(cwd, path);
}

/** A variable of a process's own environment; undefined: it has none, or only root may look. */
export function daemonVariable({ pid }: Pick<DaemonProcess, "pid">, name: string, proc = "/proc"): string | undefined {
  return variableIn(ifThere(() => readFileSync(join(proc, `${pid}`, "environ"), "utf8")) ?? "", name);
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (thrown) {
    if (GONE.has(errnoCode(thrown) ?? "")) return undefined;
    throw thrown;
  }
}
