import { expect, test } from "bun:test";
import { parseCondition } from "./index.ts";

const parse = (text: string) => {
  const { alternatives } = parseCondition({ variable: "NVIDIA_REQUIRE_X", text });
  return alternatives.map((terms) => terms.map(({ property, operator, value }) => `${property} ${operator} ${value}`));
};

test.each([
  ["cuda>=12.8", [["cuda >= 12.8"]]],
  ["cuda>=12.8,driver<580", [["cuda >= 12.8", "driver < 580"]]],
  ["cuda>=12.8 arch>=9.0", [["cuda >= 12.8"], ["arch >= 9.0"]]],
  ["  cuda=11 ,, \t brand!=GeForce ", [["cuda = 11"], ["brand != geforce"]]],
  ["CUDA>10 Driver<=470.57.02", [["cuda > 10"], ["driver <= 470.57.02"]]],
  ["", []],
] as const)(
  "%j reads as %j: a blank is or, a comma is and, and the case of names does not matter",
  (text, expected) => {
    expect(parse(text)).toEqual(expected.map((terms) => [...terms]));
  },
);

test.each([
  ["cuda", "cuda", "it has no operator"],
  ["12.8", "12.8", "it has no operator"],
  ["cuda==12", "cuda==12", '"==" is no operator'],
  ["cuda=>12", "cuda=>12", '"=>" is no operator'],
  ["cuda>=", "cuda>=", '"" is no version'],
  ["cuda>=x", "cuda>=x", '"x" is no version'],
  ["cuda>=12.", "cuda>=12.", '"12." is no version'],
  ["cuda>=12,driver<5x", "driver<5x", '"5x" is no version'],
  [">=12", ">=12", 'there is no property ""'],
  ["cudo>=12", "cudo>=12", 'did you mean "cuda"?'],
  ["memory>=12", "memory>=12", "there is no property"],
  ["brand>=tesla", "brand>=tesla", "only be compared by = and !="],
  ["brand=", "brand=", "is no brand"],
  // The peer may start such a container, since it stops reading at the first alternative that holds.
  ["cuda>=1 nonsense", "nonsense", "it has no operator"],
])("%j is refused, and %j is quoted: %s", (text, term, why) => {
  expect(() => parse(text)).toThrow(
    expect.objectContaining({
      code: "BERTH-R006",
      message: expect.stringMatching(
        new RegExp(`^Cannot read "${term.replace(/[.?=<>]/g, "\\$&")}" in NVIDIA_REQUIRE_X: `),
      ),
      remedy: expect.stringContaining("NVIDIA_DISABLE_REQUIRE"),
    }),
  );
  expect(() => parse(text)).toThrow(why);
});

test("a condition that no process could be started with is refused at once", () => {
  expect(() => parse("cuda>=99 ".repeat(20_000))).toThrow("more than 131072 characters");
});

test("a condition of a megabyte is quoted only in part", () => {
  expect(() => parse("x".repeat(1_000_000))).toThrow(/^.{1,700}$/);
});
