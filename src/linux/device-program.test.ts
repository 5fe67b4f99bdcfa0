import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { deviceKey, wishOf } from "./device-change.ts";
import { judgeDevice } from "./device-interpreter.ts";
import { frontRules, isSameProgram, withRules } from "./device-program.ts";
import { answer, anyChanges, anyDevice, anyFilter, compileFilter, instruction } from "./device-program.test-helper.ts";

const GPU = { major: 195, minor: 0 };
const ALLOW = { ...GPU, isAllowed: true };
const DENY = { ...GPU, isAllowed: false };
const NOTHING = compileFilter([], false);
const EVERYTHING = answer(true);
/** One with a helper: what it answers is unknown. */
const OPAQUE = [instruction({ code: 0x85, imm: 5 }), ...answer(true)];

const anyPrograms = fc
  .array(anyFilter, { minLength: 1, maxLength: 3 })
  .map((filters) => filters.map(({ rules, isAllowed }) => compileFilter(rules, isAllowed)));

/** Whether all programs allow the device in full, whether one denies it in full, or neither. */
function judgeAll(programs: readonly (typeof NOTHING)[], device: typeof GPU): string {
  const verdicts = programs.map((program) => judgeDevice(program, device));
  if (verdicts.includes("denied")) return "denied";
  return verdicts.every((verdict) => verdict === "allowed") ? "allowed" : "neither";
}

test("withRules fulfils every wish, whatever the programs are", () => {
  fc.assert(
    fc.property(anyPrograms, anyChanges, (programs, changes) => {
      const changed = withRules(programs, changes);
      for (const change of changes) expect(judgeAll(changed, change)).toBe(wishOf(change));
    }),
  );
});

test("withRules leaves every program's answer for any other device as it was", () => {
  fc.assert(
    fc.property(anyPrograms, anyChanges, anyDevice, (programs, changes, device) => {
      fc.pre(!changes.some((change) => deviceKey(change) === deviceKey(device)));
      const answers = programs.map((program) => judgeDevice(program, device));
      expect(withRules(programs, changes).map((program) => judgeDevice(program, device))).toEqual(answers);
    }),
  );
});

test("withRules applied twice is withRules applied once", () => {
  fc.assert(
    fc.property(anyPrograms, anyChanges, (programs, changes) => {
      const once = withRules(programs, changes);
      expect(withRules(once, changes)).toEqual(once);
    }),
  );
});

test("withRules gives back the very instructions when what was denied is allowed and denied again, and the other way round", () => {
  fc.assert(
    fc.property(anyPrograms, anyChanges, (programs, wishes) => {
      const changes = wishes.filter((change) => ["allowed", "denied"].includes(judgeAll(programs, change)));
      const back = changes.map((change) => ({ ...change, isAllowed: judgeAll(programs, change) === "allowed" }));
      expect(withRules(withRules(programs, changes), back)).toEqual([...programs]);
    }),
  );
});

test("frontRules finds the rules of withRules and the program as it was", () => {
  const [program = []] = withRules([NOTHING], [ALLOW, { major: 195, minor: 255, isAllowed: true }]);
  const { rules, rest } = frontRules(program);
  expect(rules).toEqual([ALLOW, { major: 195, minor: 255, isAllowed: true }]);
  expect(rest).toEqual(NOTHING);
});

test("frontRules takes nothing of somebody else's program for a rule", () => {
  const own = withRules([NOTHING], [ALLOW])[0] ?? [];
  for (let index = 0; index < 9; index++) {
    const changed = own.map((one, at) => (at === index ? { ...one, src: one.src ^ 4 } : one));
    expect(frontRules(changed)).toEqual({ rules: [], rest: changed });
  }
  expect(frontRules(own.slice(0, 8)).rules).toEqual([]);
});

test.each([
  ["a program that allows it already", [EVERYTHING], [ALLOW], [0]],
  ["a program that denies it already", [NOTHING], [DENY], [0]],
  ["a program that denies it", [NOTHING], [ALLOW], [1]],
  ["a program that allows it", [EVERYTHING], [DENY], [1]],
  ["a program that is not understood", [OPAQUE], [ALLOW], [1]],
  ["two programs, one of which denies it", [EVERYTHING, NOTHING], [ALLOW], [0, 1]],
  ["two programs that allow it: one denial is enough", [EVERYTHING, EVERYTHING], [DENY], [1, 0]],
] as const)("withRules adds what is needed to %s", (_, programs, changes, expected) => {
  const changed = withRules(programs, changes);
  expect(changed.map((program) => frontRules(program).rules.length)).toEqual([...expected]);
  expect(changed.map((program) => frontRules(program).rest)).toEqual([...programs]);
});

test("withRules keeps the rules for other devices and their order", () => {
  const devices = [0, 1, 2].map((minor) => ({ major: 195, minor, isAllowed: true }));
  const all = withRules([NOTHING], devices);
  const without = withRules(all, [{ major: 195, minor: 1, isAllowed: false }]);
  expect(frontRules(without[0] ?? []).rules.map(({ minor }) => minor)).toEqual([0, 2]);
});

test("isSameProgram compares instruction by instruction", () => {
  expect(isSameProgram(NOTHING, [...NOTHING])).toBe(true);
  expect(isSameProgram(NOTHING, NOTHING.slice(1))).toBe(false);
  expect(isSameProgram(answer(true), answer(false))).toBe(false);
});
