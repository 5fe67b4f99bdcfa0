import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { compareVersions, parseVersion } from "./index.ts";

const anyVersion = fc
  .array(fc.integer({ min: 0, max: 999_999_999 }), { minLength: 1, maxLength: 4 })
  .map((numbers) => numbers.join("."));
// Few digits, so that equal numbers and missing ones meet often.
const closeVersion = fc
  .array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 4 })
  .map((all) => all.join("."));
const version = fc.oneof(anyVersion, closeVersion);

test.each([
  ["470.57.02", "470", 1],
  ["470", "470.57.02", -1],
  ["470.9", "470.10", -1],
  ["9.2", "10.0", -1],
  ["12.10", "12.9", 1],
  ["470", "470.0.0", 0],
  ["470.57.02", "470.57.2", 0],
  ["0", "0.0", 0],
])("compareVersions compares %s and %s as numbers", (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});

test("compareVersions orders versions totally: by antisymmetry, transitivity, and a missing number is 0", () => {
  fc.assert(fc.property(version, version, (a, b) => compareVersions(a, b) + compareVersions(b, a) === 0));
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const isOrdered = compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0;
      return !isOrdered || compareVersions(a, c) <= 0;
    }),
  );
  fc.assert(fc.property(version, (a) => compareVersions(a, a) === 0 && compareVersions(a, `${a}.0`) === 0));
});

test("parseVersion reads dotted integers back", () => {
  expect(parseVersion("470.57.02")).toEqual([470, 57, 2]);
  fc.assert(fc.property(anyVersion, (text) => parseVersion(text)?.join(".") === text));
});

test.each([
  "",
  ".",
  "470.",
  ".470",
  "470..57",
  "v470",
  "470a",
  "470-57",
  " 470",
  "470\n",
  "-1",
  "1e3",
  "٣",
  "9999999999",
])("%j is no version", (text) => {
  expect(parseVersion(text)).toBeUndefined();
  expect(() => compareVersions(text, "470")).toThrow(RangeError);
  expect(() => compareVersions("470", text)).toThrow(RangeError);
});
