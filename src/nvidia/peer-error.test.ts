import { expect, test } from "bun:test";
import { BerthError, type ErrorCode } from "../base/index.ts";
import { formatPeerError, PeerError } from "./peer-error.ts";

function first(code: ErrorCode, message = "Cannot do it", requirements: readonly string[] = []): string {
  const error = new BerthError({ code, message, remedy: "mend it" });
  return formatPeerError("cli", error, requirements).split("\n")[0] ?? "";
}

test.each([
  ["BERTH-C001", "cli: initialization error: Cannot do it"],
  ["BERTH-D001", "cli: initialization error: nvml error: driver not loaded"],
  ["BERTH-D002", "cli: mount error: Cannot do it"],
  ["BERTH-D003", "cli: mount error: Cannot do it"],
  ["BERTH-D004", "cli: detection error: Cannot do it"],
  ["BERTH-K001", "cli: container error: Cannot do it"],
  ["BERTH-P001", "cli: mount error: Cannot do it"],
  ["BERTH-P002", "cli: mount error: Cannot do it"],
  ["BERTH-R001", "cli: device error: Cannot do it"],
  ["BERTH-R005", "cli: device error: Cannot do it"],
  ["BERTH-R006", "cli: requirement error: invalid expression"],
  ["BERTH-S001", "cli: container error: Cannot do it"],
  ["BERTH-U001", "cli: input error: Cannot do it"],
  ["BERTH-X001", "cli: initialization error: Cannot do it"],
] as const)("%s begins with %j", (code, line) => {
  expect(first(code)).toBe(line);
});

test.each([
  [
    "NVIDIA_REQUIRE_0=cuda>=99",
    ["cuda>=99"],
    "cuda>=99, please update your driver to a newer version, or use an earlier cuda container",
  ],
  ["NVIDIA_REQUIRE_1=driver>=999 brand=tesla", ["cuda>=1", "driver>=999 brand=tesla"], "driver>=999"],
  ["NVIDIA_REQUIRE_0=brand=tesla,driver>=99 arch>=99", ["brand=tesla,driver>=99 arch>=99"], "brand=tesla,driver>=99"],
])("a condition that is not met (%s) of %j is named as %j", (text, requirements, named) => {
  expect(first("BERTH-R007", `its image demands ${text}, but`, requirements)).toBe(
    `cli: requirement error: unsatisfied condition: ${named}`,
  );
});

test("our own code, cause and remedy follow, and no control character reaches the terminal", () => {
  const problem = { code: "BERTH-R001", message: "Cannot find \u001b[1m", remedy: "look" } as const;
  expect(formatPeerError("cli", new PeerError("device", "\u001b[1m: unknown device", problem))).toBe(
    "cli: device error: \\u001b[1m: unknown device\ncli: BERTH-R001: Cannot find \\u001b[1m; remedy: look\n",
  );
});
