import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { readElf } from "../linux/index.ts";
import { readPrograms } from "./embedded.ts";
import { patchDriverTable, patchSoname } from "./patch.ts";
import { findProfile } from "./profiles.ts";

const programs = readPrograms();

test("patchSoname gives the stub any soname that fits, and leaves the original as it was", () => {
  const before = Buffer.from(programs.stub);
  fc.assert(
    fc.property(fc.stringMatching(/^lib[A-Za-z0-9_.-]{1,93}$/), (soname) => {
      expect(readElf(patchSoname(programs.stub, soname))?.soname).toBe(soname);
    }),
  );
  expect(Buffer.from(programs.stub).equals(before)).toBe(true);
});

test("patchSoname refuses a soname that is too long", () => {
  expect(() => patchSoname(programs.stub, "x".repeat(97))).toThrow(RangeError);
});

test("patchSoname refuses bytes that hold no placeholder, or are patched already", () => {
  expect(() => patchSoname(patchSoname(programs.stub, "libfirst.so.1"), "libsecond.so.1")).toThrow(TypeError);
});

test("patchDriverTable changes nothing but the table", () => {
  const patched = patchDriverTable(programs.nvml, findProfile("h100x8"));
  expect(patched.length).toBe(programs.nvml.length);
  expect(readElf(patched)).toEqual(readElf(programs.nvml));
  const changed = patched.findIndex((byte, at) => byte !== programs.nvml[at]);
  const last = patched.findLastIndex((byte, at) => byte !== programs.nvml[at]);
  expect(last - changed).toBeLessThan(32768);
});

test("patchDriverTable refuses a profile without a driver", () => {
  expect(() => patchDriverTable(programs.nvml, findProfile("none"))).toThrow(/"none" has no driver/);
});
