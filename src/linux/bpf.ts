import { ptr } from "bun:ffi";
import { closeSync } from "node:fs";
import { decodeInstructions, encodeInstructions, type Instruction } from "./device-instruction.ts";
import { SysError, trySyscall } from "./sys.ts";

/** Commands, types and flags: linux/bpf.h. */
const PROG_LOAD = 5;
const PROG_ATTACH = 8;
const PROG_GET_FD_BY_ID = 13;
const OBJ_GET_INFO_BY_FD = 15;
const PROG_QUERY = 16;
const PROG_TYPE_CGROUP_DEVICE = 15;
const ATTACH_CGROUP_DEVICE = 6;
/** Several programs may be attached to the folder and below it, and all of them decide. */
export const BPF_F_ALLOW_MULTI = 2;
const REPLACE = 4;
const QUERY_EFFECTIVE = 1;

/** More than any of the commands has; what is beyond what the kernel knows has to be zero. */
const ATTRIBUTE_BYTES = 128;
const INFO_BYTES = 88;
const NAME_BYTES = 16;
const LOG_BYTES = 64 * 1024;
/** The kernel's limit for device programs of one cgroup. */
const MAX_PROGRAMS = 64;
const RLIMIT_MEMLOCK = 8;
const EPERM = 1;

/** What is attached to a cgroup folder: the numbers of its device programs, and the flags they were attached with. */
export interface AttachedPrograms {
  readonly ids: readonly number[];
  readonly flags: number;
}

/** A program as the kernel has it. */
export interface KernelProgram {
  readonly id: number;
  readonly name: string;
  /** As its verifier left them; undefined: the kernel hides them (net.core.bpf_jit_harden, kernel.kptr_restrict). */
  readonly instructions: readonly Instruction[] | undefined;
}

/** The device programs attached to an open cgroup folder (version 2), or, with "effective", all that decide there: its ancestors' too. Throws the SysError of bpf(2). */
export function queryDevicePrograms(folder: number, which: "attached" | "effective" = "attached"): AttachedPrograms {
  const call = new BpfCall(MAX_PROGRAMS * 4);
  call.setWord(0, folder);
  call.setWord(4, ATTACH_CGROUP_DEVICE);
  call.setWord(8, which === "effective" ? QUERY_EFFECTIVE : 0);
  call.setPointer(16, ATTRIBUTE_BYTES);
  call.setWord(24, MAX_PROGRAMS);
  call.make(PROG_QUERY);
  const ids = Array.from({ length: call.word(24) }, (_, index) => {
    return call.word(ATTRIBUTE_BYTES + index * 4);
  });
  return { ids, flags: call.word(12) };
}

/** Calls `use` with a descriptor of the program with this number. Throws the SysError of bpf(2): ENOENT when there is none. */
export function useProgram<T>(id: number, use: (fd: number) => T): T {
  const call = new BpfCall(0);
  call.setWord(0, id);
  return useAndClose(call.make(PROG_GET_FD_BY_ID), use);
}

/** Number, name and instructions of the program behind a descriptor. Throws the SysError of bpf(2). */
export function readProgram(fd: number): KernelProgram {
  const bytes = askInfo(fd, 0).word(ATTRIBUTE_BYTES + 20);
  const info = askInfo(fd, bytes);
  const nameAt = ATTRIBUTE_BYTES + 64;
  const name = new TextDecoder().decode(info.memory.subarray(nameAt, nameAt + NAME_BYTES));
  const isHidden = bytes === 0 || !info.hasPointer(ATTRIBUTE_BYTES + 32);
  const start = ATTRIBUTE_BYTES + INFO_BYTES;
  const instructions = isHidden ? undefined : decodeInstructions(info.memory.subarray(start, start + bytes));
  return { id: info.word(ATTRIBUTE_BYTES + 4), name: name.replace(/\0.*$/s, ""), instructions };
}

/** struct bpf_prog_info, with room for `instructionBytes` behind it. */
function askInfo(fd: number, instructionBytes: number): BpfCall {
  const call = new BpfCall(INFO_BYTES + instructionBytes);
  call.setWord(0, fd);
  call.setWord(4, INFO_BYTES);
  call.setPointer(8, ATTRIBUTE_BYTES);
  call.setWord(ATTRIBUTE_BYTES + 20, instructionBytes);
  if (instructionBytes > 0) call.setPointer(ATTRIBUTE_BYTES + 32, ATTRIBUTE_BYTES + INFO_BYTES);
  call.make(OBJ_GET_INFO_BY_FD);
  return call;
}

/** Loads a device program and calls `use` with its descriptor. Throws a RangeError with the verifier's last words, or the SysError of bpf(2). */
export function useNewProgram<T>(name: string, instructions: readonly Instruction[], use: (fd: number) => T): T {
  let call = load(name, instructions, 0);
  if (call.result === -EPERM && liftLockedMemoryLimit()) call = load(name, instructions, 0);
  if (call.result < 0) call = load(name, instructions, LOG_BYTES);
  if (call.result >= 0) return useAndClose(call.result, use);
  const error = new SysError("bpf", -call.result);
  const words = verifierWords(call.memory.subarray(LOG_AT, LOG_AT + LOG_BYTES));
  throw words === "" ? error : new RangeError(`${error.message}: ${words}`, { cause: error });
}

/** How a program is attached: as `queryDevicePrograms` tells, and in whose place. */
export interface Attachment {
  readonly flags: number;
  /** The descriptor of the attached program that goes away in the same step. */
  readonly replaced?: number;
}

/**
 * Attaches a device program to an open cgroup folder. With BPF_F_ALLOW_MULTI there may be several; without, the kernel takes away the one that is attached. Throws the SysError
 * of bpf(2): ENOENT when the replaced program is not attached (any more).
 */
export function attachDeviceProgram(folder: number, program: number, { flags, replaced }: Attachment): void {
  const isExchange = replaced !== undefined && (flags & BPF_F_ALLOW_MULTI) !== 0;
  const call = new BpfCall(0);
  call.setWord(0, folder);
  call.setWord(4, program);
  call.setWord(8, ATTACH_CGROUP_DEVICE);
  call.setWord(12, isExchange ? flags | REPLACE : flags);
  if (isExchange) call.setWord(16, replaced);
  call.make(PROG_ATTACH);
}

/** After what bpf(2) wants: license (and room), log, instructions. */
const LOG_AT = ATTRIBUTE_BYTES + NAME_BYTES;

/** Level 1 of the verifier's log where there is room for it; too small a room for it is an error before Linux 6.4. */
function load(name: string, instructions: readonly Instruction[], logBytes: number): BpfCall {
  const bytes = encodeInstructions(instructions);
  const call = new BpfCall(NAME_BYTES + logBytes + bytes.length);
  call.memory.set(Buffer.from("GPL"), ATTRIBUTE_BYTES);
  call.memory.set(bytes, LOG_AT + logBytes);
  call.setWord(0, PROG_TYPE_CGROUP_DEVICE);
  call.setWord(4, instructions.length);
  call.setPointer(8, LOG_AT + logBytes);
  call.setPointer(16, ATTRIBUTE_BYTES);
  if (logBytes > 0) {
    call.setWord(24, 1);
    call.setWord(28, logBytes);
    call.setPointer(32, LOG_AT);
  }
  call.memory.set(Buffer.from(name).subarray(0, NAME_BYTES - 1), 48);
  call.tryMake(PROG_LOAD);
  return call;
}

/** What the verifier found last, without its statistics. */
function verifierWords(log: Uint8Array): string {
  const text = new TextDecoder().decode(log).replace(/\0.*$/s, "");
  return (
    text.split("\n").findLast((line) => line !== "" && !/^(processed|verification time|stack depth) /.test(line)) ?? ""
  );
}

/** As far as the hard limit goes, or beyond it with CAP_SYS_RESOURCE: before Linux 5.11, programs count as locked memory. False: it cannot be more. */
function liftLockedMemoryLimit(): boolean {
  const unlimited = 2n ** 64n - 1n;
  const limit = new BigUint64Array(2);
  trySyscall("prlimit64", 0, RLIMIT_MEMLOCK, null, limit);
  const [soft = unlimited, hard = unlimited] = limit;
  if (soft === unlimited) return false;
  if (trySyscall("prlimit64", 0, RLIMIT_MEMLOCK, new BigUint64Array([unlimited, unlimited]), null) === 0) return true;
  return soft !== hard && trySyscall("prlimit64", 0, RLIMIT_MEMLOCK, new BigUint64Array([hard, hard]), null) === 0;
}

function useAndClose<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** One call of bpf(2): its attributes (union bpf_attr) and, right behind them, all the memory that they point to, so that it lives as long as the call. */
class BpfCall {
  readonly memory: Uint8Array;
  /** Of the last call: as the kernel returns it, or the negative errno. */
  result = 0;
  readonly #view: DataView;

  constructor(furtherBytes: number) {
    this.memory = new Uint8Array(ATTRIBUTE_BYTES + furtherBytes);
    this.#view = new DataView(this.memory.buffer);
  }

  word(at: number): number {
    return this.#view.getUint32(at, true);
  }

  setWord(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** Whether there is an address at `at`. */
  hasPointer(at: number): boolean {
    return this.#view.getBigUint64(at, true) !== 0n;
  }

  /** At `at`: the address of what lies at `target` of the memory. */
  setPointer(at: number, target: number): void {
    this.#view.setBigUint64(at, BigInt(ptr(this.memory)) + BigInt(target), true);
  }

  tryMake(command: number): number {
    this.result = trySyscall("bpf", command, this.memory, ATTRIBUTE_BYTES);
    return this.result;
  }

  make(command: number): number {
    const result = this.tryMake(command);
    if (result < 0) throw new SysError("bpf", -result);
    return result;
  }
}
