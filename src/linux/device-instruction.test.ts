import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeInstructions, encodeInstructions, isReloadable } from "./device-instruction.ts";
import { answer, instruction } from "./device-program.test-helper.ts";

const anyProgram = fc.array(
  fc.record({
    code: fc.integer({ min: 0, max: 255 }),
    dst: fc.integer({ min: 0, max: 15 }),
    src: fc.integer({ min: 0, max: 15 }),
    offset: fc.integer({ min: -32_768, max: 32_767 }),
    imm: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  }),
);

test("decodeInstructions gives back what encodeInstructions was given", () => {
  fc.assert(
    fc.property(anyProgram, (program) => {
      expect(decodeInstructions(encodeInstructions(program))).toEqual(program);
    }),
  );
});

test("encodeInstructions writes the kernel's form: code, registers (source above), offset, constant", () => {
  const bytes = encodeInstructions([{ code: 0x55, dst: 2, src: 1, offset: -2, imm: 195 }]);
  expect(Buffer.from(bytes).toString("hex")).toBe("5512feffc3000000");
});

test.each([
  [true, "arithmetic and exit", answer(true)],
  [true, "a constant of 64 bits", [instruction({ code: 0x18, dst: 2, imm: 5 }), instruction({}), ...answer(true)]],
  [false, "no instruction", []],
  [false, "a helper", [instruction({ code: 0x85, imm: 5 }), ...answer(true)]],
  [false, "a map", [instruction({ code: 0x18, dst: 2, src: 1 }), instruction({}), ...answer(true)]],
  [false, "a hidden constant", [instruction({ code: 0xb7, dst: 11, imm: 77 }), ...answer(true)]],
] as const)("isReloadable is %p for %s", (expected, _, program) => {
  expect(isReloadable(program)).toBe(expected);
});
