import { expect, test } from "bun:test";
import { isClass, isDeviceName, isKind, isVendor, parseQualifiedName } from "./index.ts";

test.each([
  ["nvidia.com", true],
  ["v", true],
  ["V-1_a.b9", true],
  ["", false],
  ["1a", false],
  ["a-", false],
  [".a", false],
  ["a/b", false],
  ["a b", false],
  ["é", false],
  ["a\n", false],
])("isVendor and isClass say of %j: %p", (text, expected) => {
  expect(isVendor(text)).toBe(expected);
  expect(isClass(text)).toBe(expected);
});

test.each([
  ["0", true],
  ["all", true],
  ["0:1", true],
  ["GPU-8dcd427f-483b-b48f-d7e5-75fb19a52b76", true],
  ["a.b_c-d:e", true],
  ["", false],
  [":0", false],
  ["0:", false],
  ["../x", false],
  ["a=b", false],
])("isDeviceName says of %j: %p", (text, expected) => {
  expect(isDeviceName(text)).toBe(expected);
});

test.each([
  ["nvidia.com/gpu", true],
  ["a/b", true],
  ["nvidia.com", false],
  ["/gpu", false],
  ["nvidia.com/", false],
  ["a/b/c", false],
])("isKind says of %j: %p", (text, expected) => {
  expect(isKind(text)).toBe(expected);
});

test.each([
  ["nvidia.com/gpu=0:1", { kind: "nvidia.com/gpu", name: "0:1" }],
  ["v/c=d", { kind: "v/c", name: "d" }],
  ["nvidia.com/gpu", undefined],
  ["nvidia.com/gpu=", undefined],
  ["=0", undefined],
  ["gpu=0", undefined],
  ["/dev/nvidia0", undefined],
  ["v/c=d=e", undefined],
  ["", undefined],
])("parseQualifiedName makes of %j: %j", (text, expected) => {
  expect(parseQualifiedName(text)).toEqual(expected);
});
