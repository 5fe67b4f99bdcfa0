import { deviceKey, wishOf, type DeviceChange } from "./device-change.ts";
import type { Instruction } from "./device-instruction.ts";
import { judgeDevice } from "./device-interpreter.ts";

/** A program whose first instructions are rules of ours. */
export interface FrontedProgram {
  readonly rules: readonly DeviceChange[];
  /** The program that somebody else made. */
  readonly rest: readonly Instruction[];
}

/** Separates the rules that berth put before a program from the program itself. */
export function frontRules(program: readonly Instruction[]): FrontedProgram {
  const rules: DeviceChange[] = [];
  let at = 0;
  for (let rule = ruleAt(program, at); rule !== undefined; rule = ruleAt(program, at)) {
    rules.push(rule);
    at += RULE_LENGTH;
  }
  return { rules, rest: program.slice(at) };
}

/**
 * Device programs of one cgroup, all of which have to allow a device, with these changes made. A rule is put before a program only when the program itself does not already
 * answer as wished, and taken away when it does: to allow and then to deny gives back the very same instructions. A denial needs one program only. At most one change
 * for a device.
 */
export function withRules(
  programs: readonly (readonly Instruction[])[],
  changes: readonly DeviceChange[],
): readonly (readonly Instruction[])[] {
  const fronted = programs.map(frontRules);
  const needsRule = (change: DeviceChange, index: number): boolean => {
    const answers = fronted.map(({ rest }) => judgeDevice(rest, change));
    return change.isAllowed ? answers[index] !== wishOf(change) : index === 0 && !answers.includes(wishOf(change));
  };
  return fronted.map(({ rules, rest }, index) => {
    const kept = new Map(rules.map((rule) => [deviceKey(rule), rule]));
    for (const change of changes) {
      if (needsRule(change, index)) kept.set(deviceKey(change), change);
      else kept.delete(deviceKey(change));
    }
    return [...[...kept.values()].flatMap(compileRule), ...rest];
  });
}

/** Whether two programs have the same instructions. */
export function isSameProgram(left: readonly Instruction[], right: readonly Instruction[]): boolean {
  return left.length === right.length && left.every((instruction, index) => isSame(instruction, right[index]));
}

function isSame(left: Instruction, right: Instruction | undefined): boolean {
  if (left.code !== right?.code || left.dst !== right.dst || left.src !== right.src) return false;
  return left.offset === right.offset && left.imm === right.imm;
}

const CHAR_DEVICE = 2;
/** The type of the device, and the bit of the access that stands for mknod: struct bpf_cgroup_dev_ctx of linux/bpf.h. */
const TYPE_AND_MKNOD = 0x1_ffff;
const RULE_LENGTH = 9;
const MAJOR_AT = 4;
const MINOR_AT = 6;
const VERDICT_AT = 7;

/**
 * One rule: a character device, reading and writing but not mknod, both numbers → verdict. It changes r0 and r2 only, which a program cannot read before it has set them; r1,
 * the context, stays for the rest.
 */
function compileRule({ major, minor, isAllowed }: DeviceChange): readonly Instruction[] {
  return [
    loadWord(0),
    { code: 0x54, dst: 2, src: 0, offset: 0, imm: TYPE_AND_MKNOD },
    unlessEqual(CHAR_DEVICE, 6),
    loadWord(4),
    unlessEqual(major, 4),
    loadWord(8),
    unlessEqual(minor, 2),
    { code: 0xb7, dst: 0, src: 0, offset: 0, imm: isAllowed ? 1 : 0 },
    { code: 0x95, dst: 0, src: 0, offset: 0, imm: 0 },
  ];
}

/** r2 = the word of the context at `offset`. */
function loadWord(offset: number): Instruction {
  return { code: 0x61, dst: 2, src: 1, offset, imm: 0 };
}

/** Passes over `distance` instructions when r2 is another number. */
function unlessEqual(imm: number, distance: number): Instruction {
  return { code: 0x55, dst: 2, src: 0, offset: distance, imm };
}

/** The rule of ours that begins at `start`, if there is one. */
function ruleAt(program: readonly Instruction[], start: number): DeviceChange | undefined {
  const found = program.slice(start, start + RULE_LENGTH);
  const [major, minor, verdict] = [MAJOR_AT, MINOR_AT, VERDICT_AT].map((index) => found[index]?.imm);
  if (major === undefined || minor === undefined || verdict === undefined) return undefined;
  const rule = { major, minor, isAllowed: verdict === 1 };
  return isSameProgram(found, compileRule(rule)) ? rule : undefined;
}
