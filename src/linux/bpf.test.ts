import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { queryDevicePrograms, readProgram, useNewProgram, useProgram } from "./bpf.ts";
import type { Instruction } from "./device-instruction.ts";
import { withRules } from "./device-program.ts";
import { answer, anyChanges, anyFilter, compileFilter, instruction } from "./device-program.test-helper.ts";

/** The instructions as the verifier leaves them. */
function throughKernel(program: readonly Instruction[]): readonly Instruction[] | undefined {
  return useNewProgram("berth_test", program, readProgram).instructions;
}

describe.skipIf(process.geteuid?.() !== 0)("with the kernel", () => {
  test("it takes a program with rules before it, and leaves every instruction as it was", () => {
    fc.assert(
      fc.property(anyFilter, anyChanges, ({ rules, isAllowed }, changes) => {
        const [program = []] = withRules([compileFilter(rules, isAllowed)], changes);
        expect(throughKernel(program)).toEqual(program);
      }),
      { numRuns: 50 },
    );
  });

  test("it takes away what never runs, and what is left is taken as it is", () => {
    const program = [
      instruction({ code: 0x05 }),
      instruction({ code: 0xb7, dst: 2, imm: 4 }),
      instruction({ code: 0x15, dst: 2, imm: 4, offset: 2 }),
      ...answer(false),
      ...answer(true),
    ];
    const left = throughKernel(program) ?? [];
    expect(left).toEqual([instruction({ code: 0xb7, dst: 2, imm: 4 }), ...answer(true)]);
    expect(throughKernel(left)).toEqual(left);
  });

  test("readProgram gives number, name and instructions of a program that useProgram finds by its number", () => {
    const [direct, found] = useNewProgram("a_name_of_16_bytes", answer(true), (fd) => {
      const program = readProgram(fd);
      return [program, useProgram(program.id, readProgram)];
    });
    expect(found).toEqual(direct);
    expect(found).toMatchObject({ name: "a_name_of_16_by", instructions: answer(true) });
    expect(() => useProgram(found.id, readProgram)).toThrow("bpf: ENOENT");
  });

  test("useNewProgram says what the verifier does not like", () => {
    const program = [instruction({ code: 0x61, dst: 2, src: 1, offset: 12 }), ...answer(true)];
    expect(() => useNewProgram("test", program, readProgram)).toThrow(
      "bpf: EACCES: invalid bpf_context access off=12 size=4",
    );
  });

  test("queryDevicePrograms refuses what is no cgroup", () => {
    expect(() => queryDevicePrograms(0)).toThrow("bpf: EBADF");
  });
});
