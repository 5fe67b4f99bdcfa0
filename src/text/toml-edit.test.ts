import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { addToTomlList, missingInToml, parseConfigText, removeFromTomlList, removeToml, setToml } from "./index.ts";
import type { KeyPath, TextValue } from "./index.ts";

const RUNTIMES = ["plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes"];
const NVIDIA = { runtime_type: "io.containerd.runc.v2", options: { BinaryName: "/usr/bin/nvidia-container-runtime" } };

const CONTAINERD = `version = 3
imports = ["/etc/containerd/conf.d/*.toml"] # kept

[plugins]
  [plugins.'io.containerd.cri.v1.runtime']
    enable_selinux = false

    [plugins.'io.containerd.cri.v1.runtime'.containerd]
      default_runtime_name = 'runc'

      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
        runtime_type = 'io.containerd.runc.v2'

        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
          SystemdCgroup = true

  # the snapshotter
  [plugins.'io.containerd.snapshotter.v1.devmapper']
    pool_name = ''
`;

test("a runtime becomes real tables behind the last of its kind, as far in and spelt as they are", () => {
  expect(setToml(CONTAINERD, [...RUNTIMES, "nvidia"], NVIDIA)).toBe(
    CONTAINERD.replace(
      "  # the snapshotter",
      `      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia]
        runtime_type = "io.containerd.runc.v2"

        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nvidia.options]
          BinaryName = "/usr/bin/nvidia-container-runtime"

  # the snapshotter`,
    ),
  );
});

test.each<readonly [before: string, KeyPath, TextValue, after: string]>([
  ["", ["a"], 1, "a = 1\n"],
  ["", ["a", "b.c"], true, '[a]\n"b.c" = true\n'],
  ["a = 1", ["b"], "x", 'a = 1\nb = "x"'],
  ["a = 1 # one\n", ["a"], 2, "a = 2 # one\n"],
  ["a = 'x'\n", ["a"], "y", "a = 'y'\n"],
  ["a = 'x'\n", ["a"], "it's", `a = "it's"\n`],
  ["# top\n\n[t]\n", ["a"], 1, "# top\n\na = 1\n\n[t]\n"],
  ["[t]\n  a = 1 # x\n  # b = 2\n\n[u]\n", ["t", "b"], 3, "[t]\n  a = 1 # x\n  # b = 2\n  b = 3\n\n[u]\n"],
  ["[t]\n#b = 2\n# more\na = 1\n", ["t", "b"], 3, "[t]\n#b = 2\nb = 3\n# more\na = 1\n"],
  ["a = 1\n\n# b = 2 is better\n", ["b"], 3, "a = 1\nb = 3\n\n# b = 2 is better\n"],
  ["a = 1\n\n# b = 2", ["b"], 3, "a = 1\n\n# b = 2\nb = 3"],
  ["[t.u]\na = 1\n", ["t", "b"], 1, "[t.u]\na = 1\n\n[t]\nb = 1\n"],
  ["[t]\nu.a = 1\nx = 1\n", ["t", "u", "b"], 2, "[t]\nu.a = 1\nu.b = 2\nx = 1\n"],
  ["[t]\nu.a = 1\n", ["t", "u", "v", "b"], 2, "[t]\nu.a = 1\nu.v = { b = 2 }\n"],
  ["t = { a = 1 }\n", ["t", "b"], 2, "t = { a = 1, b = 2 }\n"],
  ["t = {}\n", ["t", "u", "b"], 2, "t = {u = { b = 2 }}\n"],
  ["t = { u.a = 1, x = 1 }\n", ["t", "u", "b"], 2, "t = { u.a = 1, x = 1, u.b = 2 }\n"],
  ["[t]\na = 1\n[u]\nb = 1\n", ["t", "v"], { c: 1 }, "[t]\na = 1\n[t.v]\nc = 1\n[u]\nb = 1\n"],
  ["a = 1\r\n\r\n[t]\r\n", ["u"], { b: 1 }, "a = 1\r\n\r\n[t]\r\n\r\n[u]\r\nb = 1\r\n"],
  ["\ufeffa = 1\n", ["b"], 1, "\ufeffa = 1\nb = 1\n"],
  ["[t]\na = 1\nb = 2\n", ["t"], { a: 1, c: 3 }, "[t]\na = 1\nc = 3\n"],
  ["a = 1\n", ["a"], { b: 1 }, "a = { b = 1 }\n"],
  ["[[a]]\nb = 1\n", ["a"], "x", 'a = "x"\n'],
])("setToml makes %j with %j = %j into %j", (before, path, value, after) => {
  expect(setToml(before, path, value)).toBe(after);
});

test.each<readonly [before: string, KeyPath, after: string]>([
  ["a = 1\nb = 2\n", ["a"], "b = 2\n"],
  ["[t]\na = 1\n\n# about u\n[u]\n", ["t"], "# about u\n[u]\n"],
  ["[t]\na = 1\n# more of t\n\n[u]\n", ["t"], "[u]\n"],
  ["x = 1\n\n[t]\na = 1\n\n[t.u]\nb = 1\n", ["t"], "x = 1\n"],
  ["t = { a = 1, b = 2 }\n", ["t", "a"], "t = { b = 2 }\n"],
  ["t.a = 1\nt.b = 2\nx = 1\n", ["t"], "x = 1\n"],
  ["a = 1\n", ["b", "c"], "a = 1\n"],
])("removeToml makes %j without %j into %j", (before, path, after) => {
  expect(removeToml(before, path)).toBe(after);
});

const LIST = `imports = [
  # ours
  "/a.toml", # the first
  "/b.toml" # the second
]
`;

test("a list grows and shrinks by one item, and the others keep comments and layout", () => {
  const grown = addToTomlList(LIST, ["imports"], "/c.toml");
  expect(grown).toBe(LIST.replace('"/b.toml" # the second', '"/b.toml", # the second\n  "/c.toml"'));
  expect(removeFromTomlList(grown, ["imports"], "/c.toml")).toBe(LIST);
  expect(removeFromTomlList(LIST, ["imports"], "/a.toml")).toBe(LIST.replace('  "/a.toml", # the first\n', ""));
  expect(removeFromTomlList(LIST, ["imports"], "/b.toml")).toBe(
    LIST.replace('\n  "/b.toml" # the second', "").replace('"/a.toml",', '"/a.toml"'),
  );
});

test.each([
  ["a = []", 'a = ["x"]'],
  ["a = [ ]", 'a = [ "x" ]'],
  ["a = [\n]", 'a = [\n  "x"\n]'],
  ["a = [\n\t# none\n]", 'a = [\n\t# none\n\t"x"\n]'],
  ["a = ['b', 'c']", "a = ['b', 'c', \"x\"]"],
  ["a = ['b', ]", "a = ['b', \"x\", ]"],
  ["a = [\n\t'b',\n]", "a = [\n\t'b',\n\t\"x\",\n]"],
  ["a = [\r\n\t'b', # b\r\n]", "a = [\r\n\t'b', # b\r\n\t\"x\",\r\n]"],
  ["b = 1", 'b = 1\na = ["x"]'],
])("addToTomlList makes %j into %j, and removal takes it back", (before, after) => {
  expect(addToTomlList(before, ["a"], "x")).toBe(after);
  expect(addToTomlList(after, ["a"], "x")).toBe(after);
  if (before.startsWith("a")) expect(removeFromTomlList(after, ["a"], "x")).toBe(before);
});

test.each<readonly [text: string, KeyPath, why: string]>([
  ["a = 1", ["a", "b"], 'Cannot change "a.b": "a" is a value, and no table'],
  ["[[a]]\nx = 1", ["a", "b"], 'Cannot change "a.b": "a" is a list of tables, and no table'],
  ["[[a]]\nx = 1\n[a.c]\n", ["a", "b", "c"], 'Cannot change "a.b.c": "a" is a list of tables, and no table'],
  ["a = [1]", ["a", "b", "c"], 'Cannot change "a.b.c": "a" is a list, and no table'],
])("a key below what is no table is refused: %j", (text, path, why) => {
  expect(() => setToml(text, path, 1)).toThrow(why);
});

const key = fc.constantFrom("a", "b", "c", "d.e");
const quoted = (name: string) => (/^[\w-]+$/.test(name) ? name : `'${name}'`);
const scalar = fc.constantFrom(
  "1",
  "1e3",
  "9007199254740993",
  "'x'",
  '"y # z"',
  "true",
  "1979-05-27",
  '"""\n# no comment\n"""',
);
const list = fc.constantFrom("[]", "[1, 2]", "[\n  'x', # one\n  #a = 2\n  'y',\n]", "[{ a = 1 }]");
const inline = fc
  .array(fc.tuple(fc.array(key, { minLength: 1, maxLength: 2 }), scalar), { maxLength: 2 })
  .map((fields) => `{ ${fields.map(([keys, value]) => `${keys.map(quoted).join(".")} = ${value}`).join(", ")} }`);
const dotted = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => keys.map(quoted).join("."));
const chunk = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(dotted, fc.oneof(scalar, list, inline)).map(([keys, value]) => `${keys} = ${value}`),
  },
  { weight: 3, arbitrary: dotted.map((keys) => `[${keys}]`) },
  { weight: 1, arbitrary: dotted.map((keys) => `[[${keys}]]`) },
  { weight: 2, arbitrary: fc.constantFrom("# a comment", "#a = 1", "", "  ") },
);
const trail = fc.constantFrom("", "", "  # trailing", " ");
const line = fc.tuple(fc.constantFrom("", "  ", "\t"), chunk, trail).map((parts) => parts.join(""));

/** TOML with all that it has, each chunk kept that leaves it valid. */
const document = fc
  .record({
    lines: fc.array(line, { maxLength: 12 }),
    newline: fc.constantFrom("\n", "\r\n"),
    mark: fc.constantFrom("", "\ufeff"),
    hasEnd: fc.boolean(),
  })
  .map(({ lines, newline, mark, hasEnd }) => {
    let text = "";
    for (const each of lines) if (isPlausible(`${text}${each}\n`)) text = `${text}${each}\n`;
    return mark + (hasEnd ? text : text.slice(0, -1)).replaceAll("\n", newline);
  })
  .filter(isValid);

function isPlausible(text: string): boolean {
  try {
    Bun.TOML.parse(text.replaceAll("9007199254740993", "1"));
    return true;
  } catch {
    return false;
  }
}

function isValid(text: string): boolean {
  try {
    parseConfigText("toml", "t", text);
    return true;
  } catch {
    return false;
  }
}

const path = fc.array(key, { minLength: 1, maxLength: 4 });
const { value } = fc.letrec<{ value: TextValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.integer(),
    fc.boolean(),
    fc.constantFrom("", "x", 'a "b"\\\n\u007f', "é😀"),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

/** The wish as a change of plain values, or undefined where something above is no table. */
function wish(top: object, [first = "", ...rest]: KeyPath, wanted: unknown): object | undefined {
  if (rest.length === 0) return { ...top, [first]: wanted };
  const found: unknown = Object.hasOwn(top, first) ? Object.entries(top).find(([name]) => name === first)?.[1] : {};
  if (!isTable(found)) return undefined;
  const inner = wish(found, rest, wanted);
  return inner && { ...top, [first]: inner };
}

function isTable(found: unknown): found is object {
  return typeof found === "object" && found !== null && !Array.isArray(found) && !JSON.isRawJSON(found);
}

test("after setToml the text says exactly what it said, and the wish", () => {
  let done = 0;
  fc.assert(
    fc.property(document, path, value, (text, keys, wanted) => {
      const after = wish(parseConfigText("toml", "t", text), keys, wanted);
      if (after === undefined) return expect(() => setToml(text, keys, wanted)).toThrow("no table");
      const edited = setToml(text, keys, wanted);
      expect<object>(parseConfigText("toml", "t", edited)).toEqual(after);
      expect(setToml(edited, keys, wanted)).toBe(edited);
      done++;
    }),
    { numRuns: 500 },
  );
  expect(done).toBeGreaterThan(150);
});

test("removeToml of what setToml added gives the same bytes", () => {
  let done = 0;
  fc.assert(
    fc.property(document, path, value, (text, keys, wanted) => {
      const before = parseConfigText("toml", "t", text);
      if (wish(before, keys, 0) === undefined || has(before, keys)) return;
      const pruneEmpty = missingInToml(text, keys);
      expect(removeToml(setToml(text, keys, wanted), keys, { pruneEmpty })).toBe(text);
      done++;
    }),
    { numRuns: 500 },
  );
  expect(done).toBeGreaterThan(150);
});

function has(top: unknown, [first, ...rest]: KeyPath): boolean {
  if (first === undefined) return true;
  if (typeof top !== "object" || top === null || !Object.hasOwn(top, first)) return false;
  return has(Object.entries(top).find(([name]) => name === first)?.[1], rest);
}

test("after removeToml the text says exactly what it said, without the value", () => {
  fc.assert(
    fc.property(document, path, (text, keys) => {
      const edited = removeToml(text, keys);
      const after = parseConfigText("toml", "t", edited);
      expect(has(after, keys) && !has(parseConfigText("toml", "t", text), keys)).toBe(false);
      if (wish(after, keys, 0) !== undefined) {
        expect(has(after, keys)).toBe(false);
        expect(withoutEmpty(without(after, keys))).toEqual(
          withoutEmpty(without(parseConfigText("toml", "t", text), keys)),
        );
      } else expect(edited).toBe(text);
    }),
    { numRuns: 400 },
  );
});

function without(top: object, [first = "", ...rest]: KeyPath): object {
  return Object.fromEntries(
    Object.entries(top).flatMap(([name, found]) => {
      if (name !== first) return [[name, found]];
      if (rest.length === 0) return [];
      return [[name, isTable(found) ? without(found, rest) : found]];
    }),
  );
}

/** A table that stands only in the names of others goes with them. */
function withoutEmpty(top: unknown): unknown {
  if (!isTable(top)) return top;
  const entries = Object.entries(top).map(([name, found]) => [name, withoutEmpty(found)] as const);
  return Object.fromEntries(
    entries.filter(([, found]) => typeof found !== "object" || found === null || Object.keys(found).length > 0),
  );
}
