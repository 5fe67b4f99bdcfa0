import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseCondition } from "../request/index.ts";
import { evaluate, type Facts } from "./evaluate.ts";

const TESLA = { arch: "8.0", brand: "tesla" };
const GEFORCE = { arch: "8.6", brand: "geforce" };
const FACTS: Facts = { driver: "470.57.02", cuda: { version: "11.4", isExact: true }, gpus: [TESLA] };

const truth = (text: string, facts: Partial<Facts> = {}) => {
  return evaluate(parseCondition({ variable: "X", text }), { ...FACTS, ...facts });
};

test.each([
  // Versions are dotted integers, of any length; what is missing is 0.
  ["cuda>=11.4", "yes"],
  ["cuda>=11.10", "no"],
  ["cuda>11.3", "yes"],
  ["cuda<11.4", "no"],
  ["cuda<=11.4.0", "yes"],
  ["cuda=11.4", "yes"],
  ["cuda!=11.4", "no"],
  ["driver>=470", "yes"],
  ["driver=470", "no"],
  ["driver<=470", "no"],
  ["driver<471", "yes"],
  ["driver>=470.57.2", "yes"],
  ["driver>=470.57.1", "yes"],
  ["arch>=8", "yes"],
  ["arch>=8.6", "no"],
  ["brand=tesla", "yes"],
  ["brand!=tesla", "no"],
  ["brand=geforce", "no"],
  // The same card, under another driver.
  ["brand=nvidia", "yes"],
  // Comma is and, blank is or.
  ["cuda>=11,driver>=470", "yes"],
  ["cuda>=11,driver>=480", "no"],
  ["cuda>=99 driver>=470", "yes"],
  ["cuda>=99 driver>=480", "no"],
  ["cuda>=12.0 brand=tesla,driver>=450,driver<451 brand=tesla,driver>=470,driver<471", "yes"],
  ["", "yes"],
] as const)("%j is %s on CUDA 11.4, driver 470.57.02 and a Tesla of compute capability 8.0", (text, expected) => {
  expect(truth(text)).toBe(expected);
});

test.each([
  ["brand=tesla brand=geforce", "yes"],
  ["brand=tesla", "no"],
  ["brand=tesla,arch>=8 brand=geforce,arch>=8.6", "yes"],
  ["brand=tesla,arch>=8 brand=geforce,arch>=9", "no"],
] as const)("with two kinds of GPU each of them has to meet %j by some alternative: %s", (text, expected) => {
  expect(truth(text, { gpus: [TESLA, GEFORCE] })).toBe(expected);
});

test("a GPU of unknown brand is what an image means by brand=unknown", () => {
  expect(truth("brand=unknown", { gpus: [{ arch: "9.0", brand: "unknown" }] })).toBe("yes");
});

test("what is asked of GPUs holds where the container has none", () => {
  expect(truth("arch>=99,brand=none", { gpus: [] })).toBe("yes");
});

test.each([
  ["cuda>=12.8", "yes"],
  ["cuda>=13.1", "yes"],
  ["cuda>=13.2", "unknown"],
  ["cuda>13.1", "unknown"],
  ["cuda>13.0", "yes"],
  ["cuda<13.1", "no"],
  ["cuda<14", "unknown"],
  ["cuda<=13.0", "no"],
  ["cuda=13.0", "no"],
  ["cuda!=13.0", "yes"],
  ["cuda=14.0", "unknown"],
  ["cuda>=14 driver>=470", "yes"],
  ["cuda>=14,driver>=999", "no"],
] as const)("a driver that supports at least CUDA 13.1 makes %j %s", (text, expected) => {
  expect(truth(text, { cuda: { version: "13.1", isExact: false } })).toBe(expected);
});

test.each([
  ["cuda>=1", { cuda: undefined }],
  ["driver>=1", { driver: undefined }],
  ["arch>=1", { gpus: [{ arch: undefined, brand: "nvidia" }] }],
  ["brand=geforce", { gpus: [{ arch: "9.0", brand: "unknown" }] }],
])("%j is unknown where the host does not say it", (text, facts) => {
  expect(truth(text, facts)).toBe("unknown");
});

/** A term and whether it holds, by a table of its own rather than by the code under test. */
const MINORS = [0, 1, 2, 9, 10, 11] as const;
const OPERATORS = ["=", "!=", "<", "<=", ">", ">="] as const;
const compare = (a: number, operator: (typeof OPERATORS)[number], b: number): boolean => {
  return { "=": a === b, "!=": a !== b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b }[operator];
};

test("any expression is what trying every term by itself says: some alternative, all of its terms", () => {
  const term = fc.record({
    property: fc.constantFrom("cuda" as const, "driver" as const),
    operator: fc.constantFrom(...OPERATORS),
    minor: fc.constantFrom(...MINORS),
  });
  const expression = fc.array(fc.array(term, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(expression, fc.constantFrom(...MINORS), fc.constantFrom(...MINORS), (alternatives, cuda, driver) => {
      const text = alternatives
        .map((terms) => terms.map(({ property, operator, minor }) => `${property}${operator}5.${minor}`).join(","))
        .join(" ");
      const actual = { cuda, driver };
      const isMet = alternatives.some((terms) =>
        terms.every(({ property, operator, minor }) => compare(actual[property], operator, minor)),
      );
      const facts: Facts = { driver: `5.${driver}`, cuda: { version: `5.${cuda}`, isExact: true }, gpus: [] };
      expect(evaluate(parseCondition({ variable: "X", text }), facts)).toBe(isMet ? "yes" : "no");
    }),
  );
});

test("no answer of a driver that is newer than we know is wrong, whatever it supports in truth", () => {
  fc.assert(
    fc.property(fc.constantFrom(...OPERATORS), fc.nat(6), fc.nat(6), fc.nat(4), (operator, wanted, least, more) => {
      const condition = parseCondition({ variable: "X", text: `cuda${operator}13.${wanted}` });
      const answer = evaluate(condition, { ...FACTS, cuda: { version: `13.${least}`, isExact: false } });
      if (answer !== "unknown") expect(answer === "yes").toBe(compare(least + more, operator, wanted));
    }),
  );
});
