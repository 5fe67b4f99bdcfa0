import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { locateFault, locateValue, type Position, type Steps } from "./position.ts";

/** A text with » before the place that is meant, as the text without it and the place. */
function marked(text: string): { readonly toml: string; readonly place: Position } {
  const before = text.slice(0, text.indexOf("»")).split("\n");
  return { toml: text.replace("»", ""), place: { line: before.length, column: (before.at(-1) ?? "").length + 1 } };
}

test.each<readonly [string, Steps]>([
  ["a = »1", ["a"]],
  ["# a = 1\n\n  a   =   »1 # a = 2", ["a"]],
  ["[t]\na = »1", ["t", "a"]],
  ["a = 0\n[other]\na = 1\n[t]\na = »2\n[t.u]\na = 3", ["t", "a"]],
  ["[t.u]\na = 3\n[t]\na = »2", ["t", "a"]],
  ["[ t . 'u' ]\na = »1", ["t", "u", "a"]],
  ["t.u.a = »1", ["t", "u", "a"]],
  ["[t]\nu.a = »1", ["t", "u", "a"]],
  [`"t"."u" = »1`, ["t", "u"]],
  [`"t.u" = 0\nt.u = »1`, ["t", "u"]],
  [`"\\u0074" = »1`, ["t"]],
  ["t = {u = {a = »1}}", ["t", "u", "a"]],
  ["t = {b = [1, 2], u.a = »1}", ["t", "u", "a"]],
  ["t = {\n  b = 1, # one\n  a = »1,\n}", ["t", "a"]],
  ["a = [1, »2]", ["a", 1]],
  ["a = [\n  1, # 2\n  »2,\n]", ["a", 1]],
  ["a = [{b = 1}, {b = »2}]", ["a", 1, "b"]],
  ["[[t]]\na = 1\n[[t]]\na = »2", ["t", 1, "a"]],
  ["s = '''\na = 1\n[t]\n'''\na = »2", ["a"]],
  ['s = """\na = 1 \\\n  \\"""\n[t]"""\na = »2', ["a"]],
  ["s = 'a = 1'\na = »2", ["a"]],
  ['s = "x # \\" \\\\"\na = »2', ["a"]],
  ["[»t]\na = 1", ["t"]],
  ["x = 1\n[[»t]]\na = 1", ["t"]],
  ["[t]\n»u.a = 1", ["t", "u"]],
  ["[»t.u]\na = 1", ["t"]],
  ["a = 1979-05-27\nb = »x", ["b"]],
  ["a = »{b = 1}", ["a"]],
])("the value in %j is found", (text, steps) => {
  const { toml, place } = marked(text.replace("»x", "»'x'"));
  expect(locateValue(toml, steps)).toEqual(place);
});

test.each<readonly [string, Steps]>([
  ["", ["a"]],
  ["a = 1", ["b"]],
  ["a = 1", ["a", "b"]],
  ["a = [1]", ["a", 1]],
  ["s = '''\na = 1\n'''", ["a"]],
  ["a = [", ["a"]],
])("a value that is not in %j has no place", (text, steps) => {
  expect(locateValue(text, steps)).toBeUndefined();
});

test("lines that end with CR LF count once, and a column counts characters, not bytes or UTF-16 units", () => {
  expect(locateValue("[t]\r\n# é\r\na = 1\r\n", ["t", "a"])).toEqual({ line: 3, column: 5 });
  expect(locateValue("s = ['é😀', 1]", ["s", 1])).toEqual({ line: 1, column: 12 });
  expect(locateFault("a = 1\r\nb = ['😀' 2]\r\n")).toEqual({ line: 2, column: 10 });
});

test.each([
  "a = 1\n»a = 2",
  "[t]\n[»t]",
  "a.b = 1\n[»a]",
  "a = {b = 1}\n»a.c = 2",
  "a = »",
  "x = 1 »y = 2",
  "a = [1 »2]",
  "a = { b = 1 »c = 2 }",
  "a = »tru",
  "»é = 1",
  'a = "b»',
  "[berth»",
  "ok = 1\nx = »99999999999999999999",
  "ok = 1\nx = »-9_223_372_036_854_775_808",
])("the fault in %j is found", (text) => {
  const { toml, place } = marked(text);
  expect(() => Bun.TOML.parse(toml)).toThrow();
  expect(locateFault(toml)).toEqual(place);
});

test("a text that is nested deeper than the stack has no place, and no failure of its own", () => {
  expect(locateFault(`a = ${"[".repeat(100_000)}${"]".repeat(100_000)}`)).toBeUndefined();
});

test("a value is found wherever it stands among others, in a table, an inline table or behind dotted keys", () => {
  const name = fc.constantFrom("a", "b", "é", "a.b", "a-b");
  const quoted = (key: string) => (/^[a-z-]+$/.test(key) ? key : JSON.stringify(key));
  const write = {
    section: (table: string, key: string) => `[${quoted(table)}]\n${quoted(key)} = `,
    dotted: (table: string, key: string) => `${quoted(table)}.${quoted(key)} = `,
    inline: (table: string, key: string) => `${quoted(table)} = { ${quoted(key)} = `,
  };
  fc.assert(
    fc.property(name, name, fc.constantFrom("section", "dotted", "inline"), (table, key, form) => {
      const start = `first = 1\n${write[form](table, key)}`;
      const before = start.split("\n");
      const place = { line: before.length, column: (before.at(-1) ?? "").length + 1 };
      const end = form === "inline" ? " }" : "\nlast = 1";
      expect(locateValue(`${start}'x'${end}`, [table, key])).toEqual(place);
    }),
  );
});
