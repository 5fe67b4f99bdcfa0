import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { compareVersions } from "../base/index.ts";
import { smallestDriverFor, supportedCuda } from "./cuda-versions.ts";

const driver = fc
  .tuple(fc.integer({ min: 300, max: 700 }), fc.integer({ min: 0, max: 250 }))
  .map(([major, minor]) => `${major}.${minor}`);
const cuda = fc
  .tuple(fc.integer({ min: 5, max: 14 }), fc.integer({ min: 0, max: 9 }))
  .map(([major, minor]) => `${major}.${minor}`);

test.each([
  ["340.108", "6.5"],
  ["346.96", "7.0"],
  ["352.99", "7.5"],
  ["367.57", "8.0"],
  ["375.66", "8.0"],
  ["384.130", "9.0"],
  ["390.157", "9.1"],
  ["396.54", "9.2"],
  ["410.104", "10.0"],
  ["415.27", "10.0"],
  ["418.87.00", "10.1"],
  ["435.21", "10.1"],
  ["440.33.01", "10.2"],
  ["450.80.02", "11.0"],
  ["455.45.01", "11.1"],
  ["460.91.03", "11.2"],
  ["465.31", "11.3"],
  ["470.57.02", "11.4"],
  ["495.44", "11.5"],
  ["510.47.03", "11.6"],
  ["515.65.01", "11.7"],
  ["520.61.05", "11.8"],
  ["525.147.05", "12.0"],
  ["530.41.03", "12.1"],
  ["535.183.06", "12.2"],
  ["545.29.06", "12.3"],
  ["550.40.07", "12.4"],
  ["555.58.02", "12.5"],
  ["560.35.05", "12.6"],
  ["565.57.01", "12.7"],
  ["570.133.20", "12.8"],
  ["575.64.03", "12.9"],
  ["580.126.09", "13.0"],
  ["590.48.01", "13.1"],
  ["595.71.05", "13.2"],
  ["610.57.04", "13.3"],
  ["615.71.09", "13.4"],
])("driver %s supports CUDA %s and no newer one", (version, expected) => {
  expect(supportedCuda(version)).toEqual({ version: expected, isExact: true });
});

test.each([
  ["361.93.02", "7.5", "a branch between known ones"],
  ["430.50", "10.1", "a branch whose drivers differ"],
  ["572.83", "12.8", "a Windows branch"],
  ["591.74", "13.1", "a Windows branch"],
  ["616.92", "13.4", "newer than all known"],
  ["999", "13.4", "newer than all known"],
])("driver %s supports at least CUDA %s (%s)", (version, expected) => {
  expect(supportedCuda(version)).toEqual({ version: expected, isExact: false });
});

test.each(["331.113", "304.137", "0", "", "570.x", "N/A"])("nothing is known of driver %j", (version) => {
  expect(supportedCuda(version)).toBeUndefined();
});

test.each([
  ["1.0", "340"],
  ["6.5", "340"],
  ["8.0", "367.48"],
  ["9.1", "387.26"],
  ["10.1", "418.39"],
  ["11.4", "470.42.01"],
  ["11.8", "520.61.05"],
  ["12", "525.60.13"],
  ["12.4.1", "555.42.02"],
  ["12.7", "565"],
  ["12.8", "570.26"],
  ["13.0", "580.65.06"],
  ["13.3", "610.43.02"],
  ["13.4", "615"],
])("CUDA %s needs driver %s", (version, expected) => {
  expect(smallestDriverFor(version)).toBe(expected);
});

test.each(["13.5", "14", "99", "", "twelve"])("no known driver supports CUDA %j", (version) => {
  expect(smallestDriverFor(version)).toBeUndefined();
});

test("a newer driver never supports less", () => {
  fc.assert(
    fc.property(driver, driver, (...both) => {
      const [older, newer] = both.toSorted(compareVersions).map((version) => supportedCuda(version)?.version ?? "0");
      return compareVersions(older ?? "0", newer ?? "0") <= 0;
    }),
  );
});

test("the smallest driver for a CUDA version supports it, and no branch before it does", () => {
  fc.assert(
    fc.property(cuda, driver, (wanted, other) => {
      const smallest = smallestDriverFor(wanted);
      if (smallest === undefined) return compareVersions(supportedCuda(other)?.version ?? "0", wanted) < 0;
      const isBefore = Number.parseInt(other, 10) < Number.parseInt(smallest, 10);
      return (
        compareVersions(supportedCuda(smallest)?.version ?? "0", wanted) >= 0 &&
        (!isBefore || compareVersions(supportedCuda(other)?.version ?? "0", wanted) < 0)
      );
    }),
  );
});
