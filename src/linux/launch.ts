import { ptr } from "bun:ffi";
import { closeSync, fstatSync, readdirSync, readSync } from "node:fs";
import { BerthError } from "../base/index.ts";
import { cString, errnoName, trySyscall } from "./sys.ts";

/** What the launcher was given before it started berth (launcher/launcher.c), as raw bytes. */
export interface LaunchRecord {
  /** The last part of argv[0]: the name that berth was started under. */
  readonly program: string;
  /** With argv[0], without the NUL bytes. */
  readonly argv: readonly Uint8Array[];
  /** `NAME=value` entries, without the NUL bytes. Empty for a hook. */
  readonly env: readonly Uint8Array[];
  readonly nofile: { readonly soft: bigint; readonly hard: bigint };
  /** Signal N is bit N - 1. */
  readonly ignoredSignals: bigint;
  readonly blockedSignals: bigint;
  /** With the three standard ones, where they were open. */
  readonly openDescriptors: readonly number[];
  /** The launcher's slots; undefined: empty. */
  readonly config: string | undefined;
  readonly state: string | undefined;
}

const RLIMIT_NOFILE = 7;
const SIG_SETMASK = 2;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const EVERY_DESCRIPTOR = 0xff_ff_ff_ff;
const SIGNALS = 64;
/** struct kernel_sigaction: handler, flags, restorer, mask; the handler is one of these. */
const SIGACTION_WORDS = 4;
const SIG_DFL = 0n;
const SIG_IGN = 1n;
/** Of a set of signals. */
const SET_BYTES = 8;
const MAGIC = "berth-launch 1";

let taken: LaunchRecord | undefined;

/**
 * The launcher's record, named by `BERTH_LAUNCH`; undefined when the program was started without a launcher. The first call
 * closes its memory file and removes the variable. Throws BERTH-L003 when the variable names something else.
 */
export function readLaunchRecord(): LaunchRecord | undefined {
  const named = process.env["BERTH_LAUNCH"];
  if (taken !== undefined || named === undefined) return taken;
  const bytes = /^[0-9]{1,7}$/.test(named) ? readMemoryFile(Number(named)) : undefined;
  if (bytes === undefined) throw noRecord(`"BERTH_LAUNCH=${named}" names no launch record`);
  taken = parseLaunchRecord(bytes);
  closeSync(Number(named));
  delete process.env["BERTH_LAUNCH"];
  return taken;
}

/** Reads a record as launcher/launcher.c writes it: lines of numbers, an empty line, NUL-ended strings. Throws BERTH-L003. */
export function parseLaunchRecord(bytes: Buffer): LaunchRecord {
  const end = bytes.indexOf("\n\n");
  const [magic, ...lines] = bytes.toString("latin1", 0, end).split("\n");
  if (end === -1 || magic !== MAGIC) throw noRecord(`the launch record does not begin with "${MAGIC}"`);
  const numbers = new Map(lines.map((line) => line.split(" ")).map(([name, ...values]) => [name, values]));
  const numberAt = (name: string, index: number): bigint => BigInt(present(numbers.get(name)?.[index]));
  const [program, config, state, ...rest] = splitAtNul(bytes.subarray(end + 2));
  const count = Number(numberAt("arguments", 0));
  if (rest.length < count) throw noRecord("the launch record is cut off");
  return {
    program: argText(present(program)),
    argv: rest.slice(0, count),
    env: rest.slice(count),
    nofile: { soft: numberAt("nofile", 0), hard: numberAt("nofile", 1) },
    ignoredSignals: numberAt("ignored", 0),
    blockedSignals: numberAt("blocked", 0),
    openDescriptors: present(numbers.get("descriptors")).map(Number),
    config: argText(present(config)) || undefined,
    state: argText(present(state)) || undefined,
  };
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw noRecord("the launch record is cut off");
  return part;
}

function noRecord(why: string): BerthError {
  const remedy = "start it through the launcher of the same name in berth's bin folder";
  return new BerthError({ code: "BERTH-L003", message: `Cannot tell how berth was started: ${why}`, remedy });
}

/** All of a file that is open and regular, wherever its offset stands; undefined for anything else. */
function readMemoryFile(fd: number): Buffer | undefined {
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) return undefined;
    const bytes = Buffer.allocUnsafe(status.size);
    let used = 0;
    for (let count = -1; used < bytes.length && count !== 0; used += count) {
      count = readSync(fd, bytes, used, bytes.length - used, used);
    }
    return bytes.subarray(0, used);
  } catch {
    return undefined;
  }
}

/** The strings that a NUL ends each. */
function splitAtNul(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0, end = bytes.indexOf(0); end !== -1; start = end + 1, end = bytes.indexOf(0, start)) {
    parts.push(bytes.subarray(start, end));
  }
  return parts;
}

/** An argument or a variable as text; bytes that are no UTF-8 become U+FFFD, so hand on the bytes, never this. */
export function argText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** A variable of the recorded environment. Of several the first counts, as for getenv(3) and for programs in Go. */
export function readEnv(record: LaunchRecord, name: string): string | undefined {
  const prefix = Buffer.from(`${name}=`);
  const entry = record.env.find((bytes) => prefix.equals(bytes.subarray(0, prefix.length)));
  return entry === undefined ? undefined : argText(entry.subarray(prefix.length));
}

/**
 * Becomes the program `file` with these arguments, in the state that was recorded: open descriptors, limit on open files,
 * ignored and blocked signals, and the environment byte for byte. Never returns. Throws BERTH-L004 when the program cannot be
 * started so; this process is then fit only for saying so and ending.
 */
export function execRestored(record: LaunchRecord, file: string, argv: readonly Uint8Array[]): never {
  const words = pointerList(argv);
  const variables = pointerList(record.env);
  const path = cString(file);
  restoreDescriptors(record.openDescriptors, file);
  const limit = new BigUint64Array([record.nofile.soft, record.nofile.hard]);
  must(file, "prlimit64", trySyscall("prlimit64", 0, RLIMIT_NOFILE, limit, null));
  restoreSignals(record);
  const failed = trySyscall("execve", path, words.pointers, variables.pointers);
  // The pointers point into memory that must live until here; the kernel has refused, so the sizes may tell why.
  const bytes = words.block.length + variables.block.length;
  throw notStarted(file, `${errnoName(-failed)}, with ${bytes} bytes of arguments and environment`);
}

function notStarted(file: string, why: string): BerthError {
  const message = `Cannot start "${file}": ${why}`;
  return new BerthError({ code: "BERTH-L004", message, remedy: `see that this works: ${file} --version` });
}

function must(file: string, call: string, result: number): void {
  if (result < 0) throw notStarted(file, `${call} failed with ${errnoName(-result)}`);
}

/** A null-ended array of pointers to NUL-ended strings in one block of memory, which must stay referenced. */
function pointerList(texts: readonly Uint8Array[]): { readonly pointers: BigUint64Array; readonly block: Uint8Array } {
  // Never empty, as memory without bytes has no address.
  const block = new Uint8Array(texts.reduce((sum, text) => sum + text.length + 1, 1));
  const pointers = new BigUint64Array(texts.length + 1);
  const start = BigInt(ptr(block));
  let used = 0;
  texts.forEach((text, index) => {
    block.set(text, used);
    pointers[index] = start + BigInt(used);
    used += text.length + 1;
  });
  return { pointers, block };
}

/**
 * Bun marks what it inherits close-on-exec and opens files of its own: exactly what was open before it is handed on. A
 * descriptor that is gone is an error, since the runtime would take something else for it (--preserve-fds).
 */
function restoreDescriptors(recorded: readonly number[], file: string): void {
  // Linux before 5.11 cannot mark a range.
  if (trySyscall("close_range", 0, EVERY_DESCRIPTOR, CLOSE_RANGE_CLOEXEC) < 0) markEachCloseOnExec();
  for (const fd of recorded) must(file, `descriptor ${fd}: fcntl`, trySyscall("fcntl", fd, F_SETFD, 0));
}

function markEachCloseOnExec(): void {
  for (const name of readdirSync("/proc/self/fd")) trySyscall("fcntl", Number(name), F_SETFD, FD_CLOEXEC);
}

/** Bun ignores SIGPIPE and SIGXFSZ; handlers become the default by execve itself. */
function restoreSignals(record: LaunchRecord): void {
  const current = new BigUint64Array(SIGACTION_WORDS);
  const wanted = new BigUint64Array(SIGACTION_WORDS);
  for (let signal = 1; signal <= SIGNALS; signal += 1) {
    const wasIgnored = (record.ignoredSignals & (1n << BigInt(signal - 1))) !== 0n;
    trySyscall("rt_sigaction", signal, null, current, SET_BYTES);
    if ((current[0] === SIG_IGN) === wasIgnored) continue;
    wanted[0] = wasIgnored ? SIG_IGN : SIG_DFL;
    trySyscall("rt_sigaction", signal, wanted, null, SET_BYTES);
  }
  // Last: what arrives from now on waits for the program, as it would have.
  trySyscall("rt_sigprocmask", SIG_SETMASK, new BigUint64Array([record.blockedSignals]), null, SET_BYTES);
}
