import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { missingInJson, parseConfigText, removeJson, setJson, type KeyPath, type TextValue } from "./index.ts";

test.each<readonly [before: string, KeyPath, TextValue, after: string]>([
  ["", ["debug"], true, '{\n    "debug": true\n}\n'],
  ["{}", ["debug"], true, '{\n    "debug": true\n}'],
  ["{}\n", ["runtimes", "a"], { path: "b", runtimeArgs: ["c", "d"] },
    '{\n    "runtimes": {\n        "a": {\n            "path": "b",\n            "runtimeArgs": ["c", "d"]\n        }\n    }\n}\n'],
  ['{\n\t"a": 1\n}\n', ["b", "c"], "x", '{\n\t"a": 1,\n\t"b": {\n\t\t"c": "x"\n\t}\n}\n'],
  ['{\r\n  "a": 1e3,\r\n  "b": {}\r\n}', ["b", "c"], 1, '{\r\n  "a": 1e3,\r\n  "b": {\r\n    "c": 1\r\n  }\r\n}'],
  ['{"a":1}', ["b", "c"], ["x"], '{"a":1,"b":{"c":["x"]}}'],
  ['{ "a": 1 }', ["b"], ["x", "y"], '{ "a": 1, "b": ["x", "y"] }'],
  ['\ufeff{"a": 18446744073709551615}', ["b"], 1, '\ufeff{"a": 18446744073709551615, "b": 1}'],
  ['{"a": 1000.0}', ["a"], 1000, '{"a": 1000.0}'],
  ['{\n  "a": {"x": 1, "y": 2}\n}', ["a"], { y: 3, z: 4 }, '{\n  "a": {"y": 3, "z": 4}\n}'],
  ['{\n  "a": [\n    "x",\n    "y", "z"\n  ]\n}', ["a"], ["x", "z", "w"], '{\n  "a": [\n    "x",\n    "z",\n    "w"\n  ]\n}'],
  ['{"a": ["x", {"b":1}, 1e3]}', ["a"], [{ b: 1 }, 1000], '{"a": [{"b":1}, 1e3]}'],
  ['{\n  "a": [ "x" ]\n}', ["a"], [], '{\n  "a": [ ]\n}'],
  ['{\n  "a": 1\n}', ["a"], { b: 1 }, '{\n  "a": {\n    "b": 1\n  }\n}'],
])("setJson makes %j with %j = %j into %j", (before, path, value, after) => {
  expect(setJson(before, path, value)).toBe(after);
}); // prettier-ignore

test.each<readonly [before: string, KeyPath, pruneEmpty: number, after: string]>([
  ['{\n  "a": 1,\n  "b": 2\n}', ["a"], 0, '{\n  "b": 2\n}'],
  ['{\n  "a": 1,\n  "b": 2\n}', ["b"], 0, '{\n  "a": 1\n}'],
  ['{"a": {"b": {"c": 1}}}', ["a", "b", "c"], 1, '{"a": {}}'],
  ['{"a": {"b": {"c": 1}, "d": 1}}', ["a", "b", "c"], 2, '{"a": {"d": 1}}'],
  ['{"a": 1}', ["b"], 0, '{"a": 1}'],
  ['{"a": 1}', ["a", "b"], 1, '{"a": 1}'],
  [" ", ["a"], 0, " "],
])("removeJson makes %j without %j, and %i empty tables above, into %j", (before, path, pruneEmpty, after) => {
  expect(removeJson(before, path, { pruneEmpty })).toBe(after);
});

test.each([
  ['{\n  // no\n  "a": 1\n}', "line 2, column 3: a comment, which JSON does not have"],
  ['{\n  "a": 1,\n}', 'line 3, column 1: a comma before "}", which JSON does not allow'],
  ['{"a": [1, ]}', 'line 1, column 11: a comma before "]", which JSON does not allow'],
  ['{"é😀": tru}', 'line 1, column 8: unexpected "t"'],
  ['{"a": 1', "line 1, column 8: unexpected end"],
  ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: a comma is missing before this place"],
  ['{"a": ["x" "y"]}', "line 1, column 12: a comma is missing before this place"],
  ['{"a": 1, "b": 2,\n "a": 3}', 'line 2, column 2: it holds the key "a" twice'],
  ['{"a": 01}', 'line 1, column 8: unexpected "1"'],
  ["[]", ": it is no object"],
  [`${'{"a":'.repeat(65)}1${"}".repeat(65)}`, "it is deeper than 64 levels"],
])("%j is refused", (text, why) => {
  expect(() => parseConfigText("json", "/etc/docker/daemon.json", text)).toThrow(why);
  expect(() => parseConfigText("json", "/etc/docker/daemon.json", text)).toThrow('"/etc/docker/daemon.json"');
});

test("a blank daemon.json says nothing, and a byte order mark is none of its matter", () => {
  expect(parseConfigText("json", "d", " \n")).toEqual({});
  expect(parseConfigText("json", "d", '\ufeff{"a": 1e3}')).toEqual({ a: JSON.rawJSON("1e3") });
});

test("a TOML file that cannot be read is refused with the place", () => {
  expect(() => parseConfigText("toml", "/etc/x.toml", "a = 1\nb = =")).toThrow(
    'Cannot read "/etc/x.toml", line 2, column 5: it is not valid TOML',
  );
  expect(() => parseConfigText("toml", "/etc/x.toml", "[a.b.c]\n[a]\nb.k = 1")).toThrow('Cannot read "/etc/x.toml"');
  expect(parseConfigText("toml", "x", "a = 9223372036854775807")).toEqual({ a: JSON.rawJSON("9223372036854775807") });
});

const key = fc.constantFrom("a", "b", "c", "io.x/y");
const blank = fc.constantFrom("", "", " ", "\n", "\n    ", "\r\n\t");
const pair = fc.tuple(blank, blank);
/** JSON with blanks anywhere, numbers of any spelling, and no layout at all. */
const { node } = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom("1", "1e3", "1.0", "-0", "18446744073709551615", "true", "null", '"x"', '"\\u00e9\\n{"'),
    fc.array(fc.tuple(tie("node"), pair), { maxLength: 3 }).map((items) => enclose("[", items, "]")),
    fc.uniqueArray(fc.tuple(key, tie("node"), pair), { maxLength: 3, selector: ([name]) => name }).map((members) =>
      enclose(
        "{",
        members.map(([name, text, blanks]) => [`${JSON.stringify(name)}:${text}`, blanks] as const),
        "}",
      ),
    ),
  ),
}));

function enclose(
  open: string,
  items: readonly (readonly [string, readonly [string, string]])[],
  close: string,
): string {
  return `${open}${items.map(([text, [before, after]]) => before + text + after).join(",")}${close}`;
}

const { value } = fc.letrec<{ value: TextValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.integer(),
    fc.boolean(),
    fc.constantFrom("", "x", 'a "b"\n', "é😀"),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const indents = fc.constantFrom("  ", "    ", "\t", "");
const laidOut = fc
  .tuple(node, indents, fc.constantFrom("\n", "\r\n"))
  .map(([text, indent, newline]) => JSON.stringify(JSON.parse(text), null, indent).replaceAll("\n", newline));
const document = fc
  .tuple(fc.constantFrom("", "\ufeff"), blank, fc.oneof(node, laidOut), blank)
  .map((parts) => parts.join(""))
  .filter((text) => /^\ufeff?\s*\{/.test(text));
const path = fc.array(key, { minLength: 1, maxLength: 4 });

test("after setJson the text says exactly what it said, and the wish; removeJson gives the same bytes back", () => {
  let [set, undone] = [0, 0];
  fc.assert(
    fc.property(document, path, value, (text, keys, wanted) => {
      const before: object = parse(text);
      const after = wish(before, keys, wanted);
      if (after === undefined) return expect(() => setJson(text, keys, wanted)).toThrow("no table");
      const edited = setJson(text, keys, wanted);
      expect(parse(edited)).toEqual(after);
      expect(setJson(edited, keys, wanted)).toBe(edited);
      set++;
      if (has(before, keys)) return;
      const pruneEmpty = missingInJson(text, keys);
      expect(removeJson(edited, keys, { pruneEmpty })).toBe(text);
      undone++;
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(set, undone)).toBeGreaterThan(250);
});

function parse(text: string): object {
  return JSON.parse(text.replace("\ufeff", ""));
}

function wish(top: object, [first = "", ...rest]: KeyPath, wanted: unknown): object | undefined {
  if (rest.length === 0) return { ...top, [first]: wanted };
  const found: unknown =
    Object.entries(top).find(([name]) => name === first)?.[1] ?? (Object.hasOwn(top, first) ? null : {});
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  const inner = wish(found, rest, wanted);
  return inner && { ...top, [first]: inner };
}

function has(top: unknown, [first, ...rest]: KeyPath): boolean {
  if (first === undefined) return true;
  if (typeof top !== "object" || top === null || !Object.hasOwn(top, first)) return false;
  return has(Object.entries(top).find(([name]) => name === first)?.[1], rest);
}
