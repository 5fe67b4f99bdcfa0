import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseStrictInteger } from "./index.ts";

test.each([
  ["0", 0],
  ["7", 7],
  ["10", 10],
  ["4294967295", 4_294_967_295],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
])("%s is a number", (text, value) => {
  expect(parseStrictInteger(text, Number.MAX_SAFE_INTEGER)).toBe(value);
});

test.each([
  "",
  " 1",
  "1 ",
  "1\n",
  "+1",
  "-0",
  "-1",
  "00",
  "01",
  "0x10",
  "0b1",
  "0o7",
  "1e3",
  "1.0",
  "1.",
  ".5",
  "1_000",
  "1,000",
  "1n",
  "٣",
  "１",
  "²",
  "NaN",
  "Infinity",
  "true",
  "1\u0000",
  "9007199254740992",
  "9007199254740993",
  "18446744073709551616",
  "1".repeat(400),
])("%j is none", (text) => {
  expect(parseStrictInteger(text, Number.MAX_SAFE_INTEGER)).toBeUndefined();
});

test("the limit itself is allowed, and nothing above it", () => {
  expect(parseStrictInteger("4294967295", 2 ** 32 - 1)).toBe(2 ** 32 - 1);
  expect(parseStrictInteger("4294967296", 2 ** 32 - 1)).toBeUndefined();
});

test("a number that is written in its one spelling is read back, and only that spelling", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => parseStrictInteger(String(value), value) === value));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789+-.exX _".split("")), maxLength: 8 }), (text) => {
      const value = parseStrictInteger(text, Number.MAX_SAFE_INTEGER);
      return value === undefined || String(value) === text;
    }),
  );
});
