import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parse } from "yaml";
import { formatYaml, type YamlValue } from "./index.ts";

test("formatYaml lays lists and objects out with four spaces a level", () => {
  const value = {
    kind: "a.b/c",
    version: "0.5.0",
    empty: [],
    none: undefined,
    nothing: {},
    count: 3,
    isOn: true,
    list: ["x", 1, { a: "/b", c: { d: ["e f"] }, g: "0:1" }, ["nested", ["deeper"]], {}],
  };
  expect(formatYaml(value)).toBe(`---
kind: a.b/c
version: "0.5.0"
empty: []
nothing: {}
count: 3
isOn: true
list:
    - x
    - 1
    - a: /b
      c:
        d:
            - "e f"
      g: "0:1"
    -
        - nested
        -
            - deeper
    - {}
`);
});

test.each<[YamlValue, string]>([
  ["", '---\n""\n'],
  [[], "---\n[]\n"],
  [{}, "---\n{}\n"],
  [[["a"]], "---\n-\n    - a\n"],
  [-1, "---\n-1\n"],
])("formatYaml writes %j as a document", (value, text) => {
  expect(formatYaml(value)).toBe(text);
});

test.each([
  ["yes", '"yes"'],
  ["Y", '"Y"'],
  ["OFF", '"OFF"'],
  ["null", '"null"'],
  ["e5", '"e5"'],
  ["0", '"0"'],
  ["0:1", '"0:1"'],
  ["1_000", '"1_000"'],
  ["~", '"~"'],
  ["a: b", '"a: b"'],
  ["a #b", '"a #b"'],
  ["-x", '"-x"'],
  ["\u0085\u2028\ufeff", '"\\u0085\\u2028\\ufeff"'],
  ["a\nb", '"a\\nb"'],
  ["yes/no", "yes/no"],
  ["/dev/nvidia0", "/dev/nvidia0"],
  ["nvidia.com/gpu", "nvidia.com/gpu"],
])("formatYaml writes the text %j as %s", (text, line) => {
  expect(formatYaml(text)).toBe(`---\n${line}\n`);
});

test.each([1.5, Number.NaN, 2 ** 53])("formatYaml refuses the number %p", (value) => {
  expect(() => formatYaml({ value })).toThrow(RangeError);
});

/** Any text, and much of what is like numbers, dates and words that YAML gives a meaning. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.stringMatching(/^[-+.~_=<>!&*?|%@`'"#:,[\]{}0-9eExobyYnN]{1,6}$/),
  fc.constantFrom(
    "yes",
    "No",
    "TRUE",
    "null",
    "nan",
    ".inf",
    "Infinity",
    "e5",
    "_1",
    "0o7",
    "0b11",
    "1:20",
    "2024-01-01",
    "---",
    "...",
  ),
);
/** Bun merges the key `<<` even in quotes; no field of any file has it. */
const key = text.filter((name) => name !== "<<" && name !== "__proto__");
const { value } = fc.letrec<{ value: YamlValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test("formatYaml's text is read as the same value by readers of YAML 1.1 and 1.2 and by Bun", () => {
  fc.assert(
    fc.property(value, (any) => {
      const written = formatYaml(any);
      expect(parse(written, { version: "1.1" })).toEqual(any);
      expect(parse(written, { version: "1.2" })).toEqual(any);
      expect(Bun.YAML.parse(written)).toEqual(any);
    }),
    { numRuns: 1000 },
  );
});

test("a short word of signs that numbers have is the same text to every reader", () => {
  const sign = fc.constantFrom(..."eExXoObByYfFnN_0189./@-".split(""));
  const words = fc.array(sign, { minLength: 1, maxLength: 4 }).map((signs) => signs.join(""));
  fc.assert(
    fc.property(words, (word) => {
      const printed = formatYaml([word]);
      expect(parse(printed, { version: "1.1" })).toEqual([word]);
      expect(parse(printed, { version: "1.2" })).toEqual([word]);
      expect(Bun.YAML.parse(printed)).toEqual([word]);
    }),
    { numRuns: 3000, examples: [["E-0"], ["e5"], ["e_1"]] },
  );
});
