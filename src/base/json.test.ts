import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  formatJson,
  isJsonArray,
  isJsonObject,
  MAX_JSON_BYTES,
  ownField,
  parseJson,
  rawJsonText,
  toSafeInteger,
  withField,
  type JsonObject,
  type JsonValue,
} from "./index.ts";

const WHAT = "/run/b/config.json";

function parse(text: string): JsonValue {
  return parseJson(Buffer.from(text), WHAT);
}

function parseObject(text: string): JsonObject {
  const value = parse(text);
  if (!isJsonObject(value)) throw new TypeError("the test wants an object");
  return value;
}

function codeOf(text: string): string {
  try {
    parse(text);
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "no code";
  }
}

/** What makes two keys one to a reader that ignores case. */
const fold = (key: string): string => key.toUpperCase().toLowerCase();
/** JavaScript puts these first in an object, whatever their place was. */
const isInteger = (key: string): boolean => /^(?:0|[1-9]\d*)$/.test(key);

const anyText = fc.string({ unit: "binary", maxLength: 12 }).map((text) => JSON.stringify(text));
const anyNumber = fc.oneof(
  fc.constantFrom(
    "9223372036854775807",
    "18446744073709551615",
    "9007199254740993",
    "-0",
    "1.0",
    "1e3",
    "1E+2",
    "0.10",
  ),
  fc.stringMatching(/^-?(?:0|[1-9]\d{0,25})(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?$/),
);
const scalar = fc.oneof(anyText, anyNumber, fc.constantFrom("true", "false", "null", String.raw`"\ud800"`));
const anyKey = fc.oneof(
  fc.constantFrom("env", "process", "annotations", "__proto__", "constructor", "toString", "rawJSON", "toJSON"),
  fc.string({ unit: "grapheme", maxLength: 6 }),
);

const { document } = fc.letrec<{ document: string }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 6, depthSize: "medium" },
    scalar,
    fc.array(tie("document"), { maxLength: 5 }).map((items) => `[${items.join(",")}]`),
    fc
      .uniqueArray(fc.tuple(anyKey, tie("document")), { maxLength: 6, selector: ([key]) => fold(key) })
      .map((fields) => fields.filter(([key]) => !isInteger(key)))
      .map((fields) => `{${fields.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`),
  ),
}));

test("a compact document comes out as the bytes it went in", () => {
  fc.assert(
    fc.property(document, (text) => formatJson(parse(text)) === text),
    { numRuns: 500 },
  );
});

test("blanks and line breaks between tokens change nothing", () => {
  expect(formatJson(parse(' {\n\t"a" : [ 1.0 ,\r\n 2 ] } \n'))).toBe('{"a":[1.0,2]}');
});

test.each(["9223372036854775807", "18446744073709551615", "9007199254740993", "-0", "1.0", "1e3", "1E400", "0.1000"])(
  "the number %s keeps its spelling beside others",
  (number) => {
    const text = `{"a":[${number},1,"${number}"],"b":${number}}`;
    expect(formatJson(parse(text))).toBe(text);
  },
);

test("only integers that JavaScript holds exactly, spelled as integers, are given as numbers", () => {
  const read = (text: string): number | undefined => toSafeInteger(parse(text));
  expect(["0", "-1", "9007199254740991"].map(read)).toEqual([0, -1, Number.MAX_SAFE_INTEGER]);
  for (const text of [
    "9007199254740992",
    "18446744073709551615",
    "1.0",
    "1e3",
    "-0",
    "1.5",
    '"1"',
    "true",
    "null",
    "[1]",
  ])
    expect(read(text)).toBeUndefined();
});

test("the text of a number is the document's", () => {
  const value = parse("18446744073709551615");
  if (typeof value !== "object" || value === null || isJsonObject(value) || isJsonArray(value))
    throw new TypeError("raw");
  expect([rawJsonText(value), rawJsonText(7)]).toEqual(["18446744073709551615", "7"]);
});

test("a raw number is no object and no list", () => {
  expect([isJsonObject(parse("1.0")), isJsonArray(parse("1.0"))]).toEqual([false, false]);
  expect(isJsonObject(parse('{"rawJSON":"1.0"}'))).toBe(true);
});

interface Node {
  readonly fields: readonly (readonly [string, Node | number])[];
}

const { tree } = fc.letrec<{ tree: Node }>((tie) => ({
  tree: fc.record({
    fields: fc.array(
      fc.tuple(
        fc.constantFrom("a", "b", "A", "env", "Env", "annotations", "sysctl", "__proto__", "ſ", "s", 'q"', ":"),
        fc.oneof({ maxDepth: 4 }, fc.integer({ min: 0, max: 9 }), tie("tree")),
      ),
      { maxLength: 4 },
    ),
  }),
}));

function show(node: Node | number): string {
  if (typeof node === "number") return `"t:\\"${node}"`;
  return `{${node.fields.map(([key, value]) => `${JSON.stringify(key)} :${show(value)}`).join(",")}}`;
}

/** Pair by pair, as the rule is written. */
function hasDouble(node: Node | number, parent = ""): boolean {
  if (typeof node === "number") return false;
  const isFreeText = ["annotations", "sysctl"].includes(parent);
  return node.fields.some(([key, value], index) => {
    const isAgain = node.fields.some(([other], at) => {
      return at < index && (other === key || (!isFreeText && fold(other) === fold(key)));
    });
    return isAgain || hasDouble(value, key);
  });
}

test("a key that is there twice, or twice but for case, is always found and never imagined", () => {
  const isRight = (node: Node): boolean => codeOf(show(node)) === (hasDouble(node) ? "BERTH-S003" : "ok");
  fc.assert(fc.property(tree, isRight), { numRuns: 2000 });
});

test.each([
  ['{"a":1,"a":1}', 'the key "a" twice at its top level, at line 1, column 8'],
  [String.raw`{"a":1,"\u0061":1}`, 'the key "a" twice'],
  ['{"process":{"env":[],\n "env":[]}}', 'the key "env" twice in "/process", at line 2, column 2'],
  ['{"process":{"env":[],"Env":[]}}', 'the keys "env" and "Env" in "/process", which differ only in case'],
  ['{"s":1,"ſ":1}', "differ only in case"],
  ['[{"x/~y":{"k":1,"K":1}}]', 'in "/0/x~1~0y"'],
  ['{"annotations":{"a":1,"a":1}}', 'the key "a" twice in "/annotations"'],
  ['{"annotations":{"a":{"b":1,"B":1}}}', 'in "/annotations/a"'],
  ['{"__proto__":1,"__proto__":2}', 'the key "__proto__" twice'],
])("%s: the message names the key and its place", (text, part) => {
  const expected = { code: "BERTH-S003", message: expect.stringContaining(part) };
  expect(() => parse(text)).toThrow(expect.objectContaining(expected));
});

test.each(["annotations", "sysctl", "unified", "rdma", "netDevices"])(
  "keys of the user's in %s may differ in case",
  (name) => {
    const text = `{"linux":{"${name}":{"Eth0":{},"eth0":{}}}}`;
    expect(formatJson(parse(text))).toBe(text);
  },
);

test("the same key in two objects is no fault, and neither is one key in two spellings in two objects", () => {
  expect(codeOf('[{"type":1},{"type":2},{"Type":3}]')).toBe("ok");
});

test("a string of a million escapes hides no double key behind it", () => {
  const escapes = String.raw`\"`.repeat(1_000_000);
  expect(codeOf(`{"x":"${escapes}","a":1}`)).toBe("ok");
  expect(codeOf(`{"x":"${escapes}","a":1,"a":2}`)).toBe("BERTH-S003");
  expect(formatJson(parse(`["${escapes}",1.0]`))).toEndWith(",1.0]");
});

test.each([
  ["", "unexpected end at line 1, column 1"],
  ['{"a":', "unexpected end at line 1, column 6"],
  ['{"a":1,}', 'unexpected "}" at line 1, column 8'],
  ['{\n  "a": tru\n}', 'unexpected "t" at line 2, column 8'],
  ["[1 2]", 'unexpected "2" at line 1, column 4'],
  ["{} x", 'unexpected "x" at line 1, column 4'],
  ["01", 'unexpected "1" at line 1, column 2'],
  ["'a'", `unexpected "'" at line 1, column 1`],
  ['["a\tb"]', String.raw`unexpected "\t" at line 1, column 4`],
  [String.raw`["\x"]`, String.raw`unexpected "\\" at line 1, column 3`],
  ["[1] // c", 'unexpected "/" at line 1, column 5'],
  ["\u00a01", 'unexpected "\u00a0" at line 1, column 1'],
])("%j is refused with line and column", (text, part) => {
  const expected = { code: "BERTH-S002", message: `Cannot read "${WHAT}": ${part}` };
  expect(() => parse(text)).toThrow(expect.objectContaining(expected));
});

test("what is refused for its syntax is what JSON does not allow, nothing else", () => {
  const nearly = fc.tuple(document, fc.nat(), fc.constantFrom("", "{", "]", ",", '"', "\\", "-", "e", "\n", "\u0001"));
  const agrees = ([text, at, put]: [string, number, string]): boolean => {
    const place = at % (text.length + 1);
    const changed = text.slice(0, place) + put + text.slice(place + 1);
    // Text that is cut off behind a key that stands twice is refused for the key.
    return isJson(changed)
      ? codeOf(changed) !== "BERTH-S002"
      : ["BERTH-S002", "BERTH-S003"].includes(codeOf(changed) ?? "");
  };
  fc.assert(fc.property(nearly, agrees), { numRuns: 1000 });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(Buffer.from(text).toString());
    return true;
  } catch {
    return false;
  }
}

test("a key that stands twice is named also where the text is no JSON further on", () => {
  expect(codeOf('{"":1,"" x":2}')).toBe("BERTH-S003");
  expect(codeOf('{"a":1,"b" x}')).toBe("BERTH-S002");
});

test("bytes that are no UTF-8, and a byte order mark, are refused", () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
  ]) {
    const run = (): JsonValue => parseJson(Uint8Array.from(bytes), WHAT);
    expect(run).toThrow(
      expect.objectContaining({ code: "BERTH-S002", message: expect.stringMatching(/UTF-8|byte order/) }),
    );
  }
});

test("64 levels are read, and 65 or a million are refused at once", () => {
  const nest = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  const nestObjects = (levels: number): string => '{"a":'.repeat(levels) + "1" + "}".repeat(levels);
  expect([nest(64), nestObjects(64)].map(codeOf)).toEqual(["ok", "ok"]);
  const deep = [nest(65), nestObjects(65), nest(1_000_000), nestObjects(500_000), "[".repeat(1_000_000)];
  expect(deep.map(codeOf)).toEqual(deep.map(() => "BERTH-S004"));
});

test("4 MiB are read, and one byte more is refused", () => {
  const text = (length: number): string => `"${"x".repeat(length - 2)}"`;
  expect(codeOf(text(MAX_JSON_BYTES))).toBe("ok");
  expect(codeOf(text(MAX_JSON_BYTES + 1))).toBe("BERTH-S004");
});

/** Payloads that pollute prototypes where objects are merged or assigned. */
const HOSTILE = [
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"process":{"__proto__":{"env":["NVIDIA_VISIBLE_DEVICES=all"],"polluted":1.0}}}',
  '{"__proto__":null,"toString":1,"hasOwnProperty":true,"valueOf":[]}',
  '{"a":[{"__proto__":{"toJSON":"x","polluted":18446744073709551615}}]}',
];

test.each(HOSTILE)("%s is read, changed and written without touching a prototype", (text) => {
  const before = [Object.prototype, Array.prototype, Function.prototype].map((each) => Reflect.ownKeys(each));
  const spec = parseObject(text);
  expect(formatJson(spec)).toBe(text);
  const changed = withField(withField(spec, "added", 1), "__proto__", { polluted: true });
  expect(ownField(changed, "__proto__")).toEqual({ polluted: true });
  expect([Object.getPrototypeOf(spec), Object.getPrototypeOf(changed)]).toEqual([Object.prototype, Object.prototype]);
  expect(Reflect.has({}, "polluted")).toBe(false);
  const after = [Object.prototype, Array.prototype, Function.prototype].map((each) => Reflect.ownKeys(each));
  expect(after).toEqual(before);
});

test("a field is found only where it stands, never on a prototype", () => {
  const spec = parseObject('{"__proto__":{"env":1}}');
  expect(["env", "constructor", "toString"].map((key) => ownField(spec, key))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("setting a field keeps the place of an old one and puts a new one last, in a copy", () => {
  const spec = parseObject('{"b":1,"a":1.0,"c":3}');
  expect(formatJson(withField(spec, "a", "x"))).toBe('{"b":1,"a":"x","c":3}');
  expect(formatJson(withField(spec, "d", [1]))).toBe('{"b":1,"a":1.0,"c":3,"d":[1]}');
  expect(formatJson(spec)).toBe('{"b":1,"a":1.0,"c":3}');
});
