import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { answer, anyDevice, anyFilter, compileFilter, decide, instruction } from "./device-program.test-helper.ts";
import { judgeDevice } from "./device-interpreter.ts";
import type { Instruction } from "./device-instruction.ts";

const DEVICE = { major: 195, minor: 255 };
const EXIT = instruction({ code: 0x95 });

test("judgeDevice answers as the rules do that a program was made of", () => {
  fc.assert(
    fc.property(anyFilter, anyDevice, ({ rules, isAllowed }, device) => {
      const answers = [2, 4, 6].map((access) => decide(rules, isAllowed, { ...device, access }));
      const expected = answers.every((a) => a === answers[0]) ? (answers[0] === true ? "allowed" : "denied") : "partly";
      expect(judgeDevice(compileFilter(rules, isAllowed), device)).toBe(expected);
    }),
  );
});

/** r2 = what is left, then r0 = r2 and exit. */
const computing = (...parts: Partial<Instruction>[]): readonly Instruction[] => [
  ...parts.map(instruction),
  instruction({ code: 0xbf, dst: 0, src: 2 }),
  EXIT,
];
/** r0 = 0; exit unless the jump is taken, which leads to r0 = 1. */
const jumping = (value: number, jump: Partial<Instruction>): readonly Instruction[] => [
  instruction({ code: 0xb7, dst: 2, imm: value }),
  instruction({ code: 0xb7, dst: 3, imm: 7 }),
  instruction({ dst: 2, offset: 2, ...jump }),
  ...answer(false),
  ...answer(true),
];

const two = { code: 0xb7, dst: 2, imm: 2 };
test.each([
  ["add", computing(two, { code: 0x07, dst: 2, imm: -1 }), "allowed"],
  ["subtract", computing(two, { code: 0x17, dst: 2, imm: 2 }), "denied"],
  ["or", computing({ code: 0xb7, dst: 2 }, { code: 0x47, dst: 2, imm: 1 }), "allowed"],
  ["and", computing(two, { code: 0x57, dst: 2, imm: 1 }), "denied"],
  ["shift left, 64 bits", computing(two, { code: 0x67, dst: 2, imm: 40 }, { code: 0x77, dst: 2, imm: 41 }), "allowed"],
  ["shift left, 32 bits, loses what is above", computing(two, { code: 0x64, dst: 2, imm: 31 }), "denied"],
  ["exclusive or", computing(two, { code: 0xa7, dst: 2, imm: 3 }), "allowed"],
  [
    "move a negative constant, 64 bits",
    computing({ code: 0xb7, dst: 2, imm: -1 }, { code: 0x77, dst: 2, imm: 63 }),
    "allowed",
  ],
  [
    "move a negative constant, 32 bits",
    computing({ code: 0xb4, dst: 2, imm: -1 }, { code: 0x77, dst: 2, imm: 32 }),
    "denied",
  ],
  ["load half a word: the type", computing({ code: 0x69, dst: 2, src: 1 }, { code: 0x77, dst: 2, imm: 1 }), "allowed"],
  ["load a byte", computing({ code: 0x71, dst: 2, src: 1, offset: 1 }), "denied"],
  [
    "a copy of the context",
    computing(
      { code: 0xbf, dst: 6, src: 1 },
      { code: 0x61, dst: 2, src: 6, offset: 4 },
      { code: 0x17, dst: 2, imm: 194 },
    ),
    "allowed",
  ],
  ["jump always", jumping(0, { code: 0x05 }), "allowed"],
  ["jump if equal", jumping(7, { code: 0x1d, src: 3 }), "allowed"],
  ["jump if greater", jumping(7, { code: 0x25, imm: 7 }), "denied"],
  ["jump if greater or equal", jumping(7, { code: 0x35, imm: 7 }), "allowed"],
  ["jump if a bit is set", jumping(6, { code: 0x45, imm: 1 }), "denied"],
  ["jump if less", jumping(6, { code: 0xa5, imm: 7 }), "allowed"],
  ["jump if less or equal, 32 bits", jumping(7, { code: 0xb6, imm: 7 }), "allowed"],
  ["jump if not equal, 32 bits, looks at the lower half", jumping(-1, { code: 0x56, imm: -1 }), "denied"],
] as const)("judgeDevice understands: %s", (_, program, expected) => {
  expect(judgeDevice(program, DEVICE)).toBe(expected);
});

test.each([
  ["no instruction at all", []],
  ["a program without an end", [instruction({ code: 0xb7, imm: 1 })]],
  ["a helper", [instruction({ code: 0x85, imm: 1 }), EXIT]],
  ["a map", [instruction({ code: 0x18, dst: 2, src: 1, imm: 3 }), instruction({}), ...answer(true)]],
  ["a register that nobody set", computing({ code: 0xbf, dst: 2, src: 4 })],
  ["memory that is not the context", computing({ code: 0x61, dst: 2, src: 10, offset: -4 })],
  ["what is behind the context", computing({ code: 0x61, dst: 2, src: 1, offset: 12 })],
  ["a division", computing(two, { code: 0x37, dst: 2, imm: 2 })],
  ["a move with sign", computing(two, { code: 0xbf, dst: 2, src: 2, offset: 8 })],
  ["the context as an answer", [instruction({ code: 0xbf, dst: 0, src: 1 }), EXIT]],
  ["a loop without an end", [instruction({ code: 0x05, offset: -1 })]],
] as const)("judgeDevice does not guess at %s", (_, program) => {
  expect(judgeDevice(program, DEVICE)).toBe("unknown");
});

test("judgeDevice does not mind what it does not understand where no opening leads", () => {
  const program = [
    instruction({ code: 0x61, dst: 2, src: 1 }),
    instruction({ code: 0x54, dst: 2, imm: 0xffff }),
    instruction({ code: 0x15, dst: 2, imm: 2, offset: 2 }),
    instruction({ code: 0x85, imm: 1 }),
    EXIT,
    ...answer(true),
  ];
  expect(judgeDevice(program, DEVICE)).toBe("allowed");
});
