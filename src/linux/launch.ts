import { ptr } from "bun:ffi";
import { closeSync, fstatSync, readdirSync, readFileSync, readSync } from "node:fs";
import { BerthError } from "../base/index.ts";
import { cString, errnoName, syscall, trySyscall } from "./sys.ts";

/** What the launcher found before it started berth (launcher/launcher.c), and the arguments, as raw bytes. */
export interface LaunchRecord {
  /** The last part of argv[0]: the name that berth was started under. */
  readonly program: string;
  /** With argv[0], without the NUL bytes. */
  readonly argv: readonly Uint8Array[];
  /** `NAME=value` entries, without the NUL bytes. */
  readonly env: readonly Uint8Array[];
  readonly nofile: { readonly soft: bigint; readonly hard: bigint };
  /** Signal N is bit N - 1. */
  readonly ignoredSignals: bigint;
  readonly blockedSignals: bigint;
  /** Above the three standard ones. */
  readonly openDescriptors: readonly number[];
  /** The launcher's slots; undefined: empty. */
  readonly config: string | undefined;
  readonly state: string | undefined;
}

const RLIMIT_NOFILE = 7;
const SIG_SETMASK = 2;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const HANDLER = { default: 0n, ignore: 1n } as const;
const SIGNALS = 64;
/** SIGKILL and SIGSTOP cannot be set; glibc keeps 32 and 33 for itself. */
const FIXED_SIGNALS: ReadonlySet<number> = new Set([9, 19, 32, 33]);

/**
 * The launcher's record, named by `BERTH_LAUNCH`; undefined when the program was started without a launcher. Its memory file is
 * closed. Throws BERTH-L003 when the variable names something else.
 */
export function readLaunchRecord(): LaunchRecord | undefined {
  const named = process.env["BERTH_LAUNCH"];
  if (named === undefined) return undefined;
  const bytes = /^[0-9]{1,7}$/.test(named) ? readMemoryFile(Number(named)) : undefined;
  const end = bytes?.indexOf("\n\n") ?? -1;
  if (bytes === undefined || end === -1) throw noRecord(`"BERTH_LAUNCH=${named}" names no record`);
  return parseRecord(bytes.toString("utf8", 0, end), splitAtNul(bytes.subarray(end + 2)));
}

function parseRecord(header: string, env: readonly Uint8Array[]): LaunchRecord {
  const lines = new Map(header.split("\n").map((line) => splitOnce(line, " ")));
  const argv = splitAtNul(readFileSync("/proc/self/cmdline"));
  const [soft = "0", hard = "0"] = (lines.get("nofile") ?? "").split(" ");
  const descriptors = (lines.get("descriptors") ?? "").split(" ").filter((text) => text !== "");
  return {
    program: (argv[0] === undefined ? "" : argText(argv[0])).split("/").at(-1) ?? "",
    argv,
    env,
    nofile: { soft: BigInt(soft), hard: BigInt(hard) },
    ignoredSignals: BigInt(lines.get("ignored") ?? 0),
    blockedSignals: BigInt(lines.get("blocked") ?? 0),
    openDescriptors: descriptors.map(Number),
    config: lines.get("config") || undefined,
    state: lines.get("state") || undefined,
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function noRecord(why: string): BerthError {
  const message = `Cannot start as a runtime: ${why}`;
  return new BerthError({
    code: "BERTH-L003",
    message,
    remedy: "start it through the launcher of the same name in berth's bin folder",
  });
}

/** The memory file's offset is at its end, as the launcher wrote it. */
function readMemoryFile(fd: number): Buffer | undefined {
  try {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    let used = 0;
    while (used < bytes.length) {
      const count = readSync(fd, bytes, used, bytes.length - used, used);
      if (count === 0) break;
      used += count;
    }
    closeSync(fd);
    return bytes;
  } catch {
    return undefined;
  }
}

function splitAtNul(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    parts.push(bytes.subarray(start, end === -1 ? bytes.length : end));
    start = end === -1 ? bytes.length : end + 1;
  }
  return parts;
}

/** An argument or variable as text; bytes that are not UTF-8 become U+FFFD, so never build a path to write from it unchecked. */
export function argText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** A variable of the recorded environment; the last one of a name counts. */
export function readEnv(record: LaunchRecord, name: string): string | undefined {
  const prefix = Buffer.from(`${name}=`);
  const entry = record.env.findLast((bytes) => prefix.equals(bytes.subarray(0, prefix.length)));
  return entry === undefined ? undefined : argText(entry.subarray(prefix.length));
}

/**
 * Becomes the program `file` with these arguments, in the state that the launcher recorded: limit on open files, ignored and blocked
 * signals, open descriptors and the environment byte for byte. Throws BERTH-L004 when the kernel refuses; this process is then no
 * longer fit for anything but ending.
 */
export function execRestored(record: LaunchRecord, file: string, argv: readonly Uint8Array[]): never {
  restoreDescriptors(record.openDescriptors);
  restoreLimit(record.nofile);
  restoreSignals(record);
  const path = cString(file);
  const argumentList = pointerList(argv);
  const variableList = pointerList(record.env);
  const result = trySyscall("execve", path, argumentList.pointers, variableList.pointers);
  // Named after the call, so that none of the memory is collected before it.
  const sizes = `${argumentList.buffers.length} arguments, ${variableList.buffers.length} variables`;
  const message = `Cannot start the low-level runtime "${file}": ${errnoName(-result)} (${sizes})`;
  throw new BerthError({ code: "BERTH-L004", message, remedy: `try "${file} --version" by hand` });
}

function pointerList(texts: readonly Uint8Array[]): { pointers: BigUint64Array; buffers: Uint8Array[] } {
  const buffers = texts.map((text) => {
    const ended = new Uint8Array(text.length + 1);
    ended.set(text);
    return ended;
  });
  const pointers = new BigUint64Array(buffers.length + 1);
  buffers.forEach((buffer, index) => {
    pointers[index] = BigInt(ptr(buffer));
  });
  return { pointers, buffers };
}

/** Bun marks what it inherits close-on-exec, and opens files of its own: only what was open before it goes on. */
function restoreDescriptors(recorded: readonly number[]): void {
  const kept = new Set(recorded);
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (fd > 2) trySyscall("fcntl", fd, F_SETFD, kept.has(fd) ? 0 : FD_CLOEXEC);
  }
}

/** Bun raises the soft limit to the hard one. */
function restoreLimit(limit: LaunchRecord["nofile"]): void {
  syscall("RLIMIT_NOFILE", "prlimit64", 0, RLIMIT_NOFILE, new BigUint64Array([limit.soft, limit.hard]), null);
}

/** Bun ignores SIGPIPE and SIGXFSZ. A handler of its own becomes the default by execve; the mask comes last. */
function restoreSignals(record: LaunchRecord): void {
  const current = new BigUint64Array(4);
  for (let signal = 1; signal <= SIGNALS; signal += 1) {
    if (FIXED_SIGNALS.has(signal)) continue;
    trySyscall("rt_sigaction", signal, null, current, 8);
    const isIgnored = current[0] === HANDLER.ignore;
    const wasIgnored = ((record.ignoredSignals >> BigInt(signal - 1)) & 1n) === 1n;
    if (isIgnored === wasIgnored) continue;
    trySyscall(
      "rt_sigaction",
      signal,
      new BigUint64Array([wasIgnored ? HANDLER.ignore : HANDLER.default, 0n, 0n, 0n]),
      null,
      8,
    );
  }
  trySyscall("rt_sigprocmask", SIG_SETMASK, new BigUint64Array([record.blockedSignals]), null, 8);
}
