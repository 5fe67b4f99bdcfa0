import { expect, test } from "bun:test";
import { BerthError } from "../base/index.ts";
import { storeFault } from "./store-fault.ts";

test.each([
  ["SQLITE_BUSY", "BERTH-A014"],
  ["SQLITE_BUSY_RECOVERY", "BERTH-A014"],
  ["SQLITE_LOCKED_SHAREDCACHE", "BERTH-A014"],
  ["SQLITE_FULL", "BERTH-A006"],
  ["SQLITE_CANTOPEN", "BERTH-A006"],
  ["SQLITE_CORRUPT", "BERTH-A005"],
] as const)("a store that others hold is told from one that cannot be used: %s is %s", (code, expected) => {
  const fault = storeFault(Object.assign(new Error("it fails"), { code }), "/var/lib/berth/leases/leases.db");
  expect(fault instanceof BerthError && fault.code).toBe(expected);
});

test("what is no failure of the store comes back as it is", () => {
  const error = new TypeError("something else");
  expect(storeFault(error, "/x")).toBe(error);
});
