import * as fc from "fast-check";
import { deviceKey } from "./device-change.ts";
import type { Instruction } from "./device-instruction.ts";

/** One rule of a device program as runtimes make them; a number that is undefined is any number. */
export interface FilterRule {
  readonly type: "c" | "b";
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Of "rwm". */
  readonly access: string;
  readonly isAllowed: boolean;
}

/** The mask of linux/bpf.h, BPF_DEVCG_ACC_…. */
export function accessMask(access: string): number {
  return (access.includes("m") ? 1 : 0) | (access.includes("r") ? 2 : 0) | (access.includes("w") ? 4 : 0);
}

/** An instruction with what is not zero of it. */
export function instruction(parts: Partial<Instruction>): Instruction {
  return { code: 0, dst: 0, src: 0, offset: 0, imm: 0, ...parts };
}

const EXIT = instruction({ code: 0x95 });

/** r0 = 1 or 0, exit. */
export function answer(isAllowed: boolean): readonly Instruction[] {
  return [instruction({ code: 0xb4, imm: isAllowed ? 1 : 0 }), EXIT];
}

/** A program in the manner of runc, crun and systemd: all of the context in r2 to r5, one block for a rule, the first that matches decides, r1 lost. */
export function compileFilter(rules: readonly FilterRule[], isAllowed: boolean): readonly Instruction[] {
  return [
    instruction({ code: 0x61, dst: 2, src: 1, offset: 0 }),
    instruction({ code: 0x54, dst: 2, imm: 0xffff }),
    instruction({ code: 0x61, dst: 3, src: 1, offset: 0 }),
    instruction({ code: 0x74, dst: 3, imm: 16 }),
    instruction({ code: 0x61, dst: 4, src: 1, offset: 4 }),
    instruction({ code: 0x61, dst: 5, src: 1, offset: 8 }),
    ...rules.flatMap(compileBlock),
    ...answer(isAllowed),
  ];
}

function compileBlock({ type, major, minor, access, isAllowed }: FilterRule): readonly Instruction[] {
  const checks = [
    instruction({ code: 0x55, dst: 2, imm: type === "c" ? 2 : 1 }),
    instruction({ code: 0xbc, dst: 1, src: 3 }),
    instruction({ code: 0x54, dst: 1, imm: accessMask(access) }),
    instruction({ code: 0x5d, dst: 1, src: 3 }),
    ...(major === undefined ? [] : [instruction({ code: 0x55, dst: 4, imm: major })]),
    ...(minor === undefined ? [] : [instruction({ code: 0x55, dst: 5, imm: minor })]),
  ];
  const length = checks.length + 2;
  // Each comparison that fails goes to the end of the block.
  const jumping = checks.map((check, index) =>
    check.code === 0x55 || check.code === 0x5d ? { ...check, offset: length - index - 1 } : check,
  );
  return [...jumping, ...answer(isAllowed)];
}

/** What such a program answers for one access of a character device, by its rules alone. */
export function decide(
  rules: readonly FilterRule[],
  isAllowed: boolean,
  { major, minor, access }: { major: number; minor: number; access: number },
): boolean {
  const match = rules.find((rule) => {
    const isDevice = (rule.major ?? major) === major && (rule.minor ?? minor) === minor;
    return rule.type === "c" && isDevice && (access & ~accessMask(rule.access)) === 0;
  });
  return match?.isAllowed ?? isAllowed;
}

const number = fc.integer({ min: 0, max: 3 });

/** A device out of few, so that rules meet. */
export const anyDevice = fc.record({ major: number, minor: number });

export const anyChanges = fc.uniqueArray(fc.record({ major: number, minor: number, isAllowed: fc.boolean() }), {
  maxLength: 5,
  selector: deviceKey,
});

export const anyFilter = fc.record({
  rules: fc.array(
    fc.record({
      type: fc.constantFrom("c" as const, "b" as const),
      major: fc.option(number, { nil: undefined }),
      minor: fc.option(number, { nil: undefined }),
      access: fc.constantFrom("r", "w", "rw", "rwm", "m", "rm"),
      isAllowed: fc.boolean(),
    }),
    { maxLength: 6 },
  ),
  isAllowed: fc.boolean(),
});
