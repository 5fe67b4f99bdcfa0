import { dlopen, FFIType, read, type Pointer } from "bun:ffi";
import { BerthError } from "../base/index.ts";

/** Kernel calls by name: the numbers on x86-64 and arm64 (arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const NUMBERS = {
  close: [3, 57],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  execve: [59, 221],
  fcntl: [72, 25],
  flock: [73, 32],
  ioctl: [16, 29],
  fsetxattr: [190, 7],
  fgetxattr: [193, 10],
  flistxattr: [196, 13],
  fremovexattr: [199, 16],
  fchdir: [81, 50],
  setfsuid: [122, 151],
  setfsgid: [123, 152],
  chroot: [161, 51],
  getdents64: [217, 61],
  mkdirat: [258, 34],
  mknodat: [259, 33],
  fchownat: [260, 54],
  unlinkat: [263, 35],
  renameat: [264, 38],
  symlinkat: [266, 36],
  readlinkat: [267, 78],
  ppoll: [271, 73],
  prlimit64: [302, 261],
  renameat2: [316, 276],
  bpf: [321, 280],
  statx: [332, 291],
  exit_group: [231, 94],
  fstatfs: [138, 44],
  prctl: [157, 167],
  unshare: [272, 97],
  setns: [308, 268],
  umount2: [166, 39],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  close_range: [436, 436],
  openat2: [437, 437],
  mount_setattr: [442, 442],
} as const;

export type SyscallName = keyof typeof NUMBERS;

/** One argument: an integer, a string (passed NUL-terminated, as UTF-8), memory, or null for a null pointer. */
export type SyscallArg = number | bigint | string | NodeJS.TypedArray | null;

/** A kernel call that failed: `code` is the errno name ("ENOENT"), `syscall` the call, `path` what it was about. */
export class SysError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;

  constructor(call: string, errno: number, path?: string) {
    const code = errnoName(errno);
    super(path === undefined ? `${call}: ${code}` : `${call} "${path}": ${code}`);
    this.name = "SysError";
    this.code = code;
    this.errno = errno;
    this.syscall = call;
    this.path = path;
  }
}

type Call = (number: number, ...args: (number | bigint | NodeJS.TypedArray | null)[]) => number;
let binding: { readonly call: Call; readonly errno: Pointer; readonly column: 0 | 1 } | undefined;

/**
 * Makes a kernel call and returns its result, or the negative errno when it failed (as the kernel itself does).
 * Memory is passed as it is: the caller makes it large enough. Throws BERTH-K001 where FFI cannot be used.
 */
export function trySyscall(name: SyscallName, ...args: readonly SyscallArg[]): number {
  binding ??= bind();
  const plain = args.map((arg) => (typeof arg === "string" ? cString(arg) : arg));
  const result = binding.call(NUMBERS[name][binding.column], ...plain);
  return result === -1 ? -read.i32(binding.errno, 0) : result;
}

/** As `trySyscall`, but a failure is thrown as a SysError whose `path` is what the call is about. */
export function syscall(path: string | undefined, name: SyscallName, ...args: readonly SyscallArg[]): number {
  const result = trySyscall(name, ...args);
  if (result < 0) throw new SysError(name, -result, path);
  return result;
}

/** Text as the kernel wants it: UTF-8 with one NUL at the end. Throws a TypeError when there is a NUL inside. */
export function cString(text: string): Uint8Array {
  if (text.includes("\0")) throw new TypeError("A string for the kernel holds a NUL");
  return Buffer.from(`${text}\0`);
}

const ERRNO_1_TO_40 =
  "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV " +
  "ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK " +
  "ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP";
const ERRNO_OTHERS: Readonly<Record<number, string>> = {
  61: "ENODATA",
  75: "EOVERFLOW",
  95: "EOPNOTSUPP",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  116: "ESTALE",
  117: "EUCLEAN",
  122: "EDQUOT",
};

/** "ENOENT" for 2; "errno 200" for a number without a name here. The numbers of x86-64 and arm64 are the same. */
export function errnoName(errno: number): string {
  return ERRNO_1_TO_40.split(" ")[errno - 1] ?? ERRNO_OTHERS[errno] ?? `errno ${errno}`;
}

function bind(): NonNullable<typeof binding> {
  const { symbols } = openLibc();
  const call: unknown = symbols.syscall;
  const errno = symbols["__errno_location"]();
  if (!isCall(call) || typeof errno !== "number") throw new TypeError("The C library has no syscall function");
  return { call, errno, column: process.arch === "arm64" ? 1 : 0 };
}

// One signature serves every call: FFI's "ptr" takes integers of both signs as well as memory.
function isCall(value: unknown): value is Call {
  return typeof value === "function";
}

function openLibc(): ReturnType<typeof loadLibc> {
  const musl = `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`;
  try {
    return loadLibc("libc.so.6");
  } catch (first) {
    try {
      return loadLibc(musl);
    } catch {
      throw noFfi(musl, first);
    }
  }
}

function loadLibc(file: string) {
  return dlopen(file, {
    syscall: { args: ["i64", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: FFIType.i64_fast },
    __errno_location: { args: [], returns: "ptr" },
  });
}

function noFfi(musl: string, cause: unknown): BerthError {
  const message = `Cannot make system calls: neither "libc.so.6" nor "${musl}" can be used (${String(cause)})`;
  const remedy = "start it without MemoryDenyWriteExecute and other limits on executable memory";
  return new BerthError({ code: "BERTH-K001", message, remedy }, { cause });
}
