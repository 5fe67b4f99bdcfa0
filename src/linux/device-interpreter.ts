import type { DeviceNumber, Verdict } from "./device-change.ts";
import type { Instruction } from "./device-instruction.ts";

/** linux/bpf.h: BPF_DEVCG_DEV_CHAR, and the accesses that opening a device asks for. */
const CHAR_DEVICE = 2;
const READ = 2;
const WRITE = 4;
/** More than any program of rules has; a loop is given up. */
const MAX_STEPS = 65_536;
const CONTEXT_BYTES = 12;

/** What a register holds: a number of 64 bits without sign, the address of the context, or nothing so far. */
type Value = bigint | "context" | undefined;

interface Machine {
  readonly registers: Value[];
  readonly context: DataView;
}

/**
 * What a cgroup's device program answers for a character device. It understands what runc, crun, systemd and libnvidia-container emit: loads from the context (struct
 * bpf_cgroup_dev_ctx: access and type, major, minor), arithmetic, jumps and exit. Anything else on the way is "unknown".
 */
export function judgeDevice(program: readonly Instruction[], device: DeviceNumber): Verdict {
  const answers = new Set([READ, WRITE, READ | WRITE].map((access) => runFor(program, device, access)));
  if (answers.has(undefined)) return "unknown";
  if (answers.size > 1) return "partly";
  return answers.has(true) ? "allowed" : "denied";
}

/** Runs the program once; undefined: it has something that is not understood. */
function runFor(program: readonly Instruction[], { major, minor }: DeviceNumber, access: number): boolean | undefined {
  const context = new DataView(new ArrayBuffer(CONTEXT_BYTES));
  [(access << 16) | CHAR_DEVICE, major, minor].forEach((word, index) => {
    context.setUint32(index * 4, word, true);
  });
  const machine: Machine = { registers: [undefined, "context"], context };
  let at = 0;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const instruction = program[at];
    if (instruction === undefined) return undefined;
    if (instruction.code === 0x95) return exitValue(machine);
    const next = execute(machine, instruction);
    if (next === undefined) return undefined;
    at += next;
  }
  return undefined;
}

/** The verifier lets a device program end with 0 or 1 only. */
function exitValue({ registers: [result] }: Machine): boolean | undefined {
  return typeof result === "bigint" ? result === 1n : undefined;
}

/** Carries out one instruction: how far the next one is, or undefined when this one is not understood. */
function execute(machine: Machine, instruction: Instruction): number | undefined {
  switch (instruction.code & 7) {
    case 1:
      return load(machine, instruction);
    case 4:
      return compute(machine, instruction, 32);
    case 5:
      return jump(machine, instruction, 64);
    case 6:
      return jump(machine, instruction, 32);
    case 7:
      return compute(machine, instruction, 64);
    default:
      return undefined;
  }
}

function load({ registers, context }: Machine, { code, dst, src, offset }: Instruction): number | undefined {
  if (registers[src] !== "context") return undefined;
  const bytes = new Map([
    [0x61, 4],
    [0x69, 2],
    [0x71, 1],
  ]).get(code);
  if (bytes === undefined || offset < 0 || offset + bytes > CONTEXT_BYTES) return undefined;
  if (bytes === 4) registers[dst] = BigInt(context.getUint32(offset, true));
  else registers[dst] = BigInt(bytes === 2 ? context.getUint16(offset, true) : context.getUint8(offset));
  return 1;
}

/** The operand of an instruction: a register or its constant, cut to `bits`. */
function operand({ registers }: Machine, { code, src, imm }: Instruction, bits: 32 | 64): bigint | undefined {
  const value = (code & 8) === 0 ? BigInt(imm) : registers[src];
  return typeof value === "bigint" ? BigInt.asUintN(bits, value) : undefined;
}

function compute(machine: Machine, instruction: Instruction, bits: 32 | 64): number | undefined {
  const { registers } = machine;
  const { code, dst, src, offset } = instruction;
  // An offset makes it another operation (a signed division, a move with sign).
  if (offset !== 0) return undefined;
  if (code === 0xbf && registers[src] === "context") {
    registers[dst] = "context";
    return 1;
  }
  const right = operand(machine, instruction, bits);
  const before = registers[dst];
  const isMove = (code & 0xf0) === 0xb0;
  if (right === undefined || (typeof before !== "bigint" && !isMove)) return undefined;
  const left = typeof before === "bigint" ? BigInt.asUintN(bits, before) : 0n;
  const result = calculate(code & 0xf0, left, isShift(code) ? right % BigInt(bits) : right);
  if (result === undefined) return undefined;
  registers[dst] = BigInt.asUintN(bits, result);
  return 1;
}

function isShift(code: number): boolean {
  return (code & 0xf0) === 0x60 || (code & 0xf0) === 0x70;
}

function calculate(operation: number, left: bigint, right: bigint): bigint | undefined {
  switch (operation) {
    case 0x00:
      return left + right;
    case 0x10:
      return left - right;
    case 0x40:
      return left | right;
    case 0x50:
      return left & right;
    case 0x60:
      return left << right;
    case 0x70:
      return left >> right;
    case 0xa0:
      return left ^ right;
    case 0xb0:
      return right;
    default:
      return undefined;
  }
}

function jump(machine: Machine, instruction: Instruction, bits: 32 | 64): number | undefined {
  const { code, dst, offset } = instruction;
  if (code === 0x05) return 1 + offset;
  const left = machine.registers[dst];
  const right = operand(machine, instruction, bits);
  if (typeof left !== "bigint" || right === undefined) return undefined;
  const isTaken = compare(code & 0xf0, BigInt.asUintN(bits, left), right);
  if (isTaken === undefined) return undefined;
  return isTaken ? 1 + offset : 1;
}

function compare(operation: number, left: bigint, right: bigint): boolean | undefined {
  switch (operation) {
    case 0x10:
      return left === right;
    case 0x20:
      return left > right;
    case 0x30:
      return left >= right;
    case 0x40:
      return (left & right) !== 0n;
    case 0x50:
      return left !== right;
    case 0xa0:
      return left < right;
    case 0xb0:
      return left <= right;
    default:
      return undefined;
  }
}
