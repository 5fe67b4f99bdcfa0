import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError, ERROR_CODES, errnoCode, escapeControls, formatProblem } from "./index.ts";

const problem = { code: "BERTH-D001", message: 'Cannot find "x"', remedy: "modprobe nvidia" } as const;

test("a problem is printed as one line with code, cause and remedy", () => {
  expect(formatProblem("berth", problem)).toBe('berth: BERTH-D001: Cannot find "x"; remedy: modprobe nvidia');
});

test("text of a container cannot break the line or reach the terminal", () => {
  expect(escapeControls("a\nb\u001b[31m\u202ec")).toBe("a\\u000ab\\u001b[31m\\u202ec");
});

test("BerthError.from keeps a BerthError and wraps anything else with its cause", () => {
  const error = new BerthError(problem);
  expect(BerthError.from(error)).toBe(error);
  const cause = new TypeError("boom");
  expect(BerthError.from(cause)).toMatchObject({ code: "BERTH-X001", cause });
});

test("errnoCode reads the errno name of a failed file call and nothing else", () => {
  expect(() => readFileSync("/nonexistent")).toThrow();
  try {
    readFileSync("/nonexistent");
  } catch (error) {
    expect(errnoCode(error)).toBe("ENOENT");
  }
  expect(errnoCode("ENOENT")).toBeUndefined();
});

test("every code has its entry in docs/errors.md, and no entry is without a code", () => {
  const page = join(import.meta.dir, "../../docs/errors.md");
  expect(existsSync(page)).toBe(true);
  const documented = [...readFileSync(page, "utf8").matchAll(/^\| `(BERTH-[A-Z]\d{3})`/gm)].map(
    ([, code]) => code ?? "",
  );
  expect(documented.toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
});
