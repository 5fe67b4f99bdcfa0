import type { ParsedNode, Scalar } from "yaml";
import type { JsonObject, JsonValue } from "../base/index.ts";
import { syntaxError, type Source } from "./source.ts";

const MAX_DEPTH = 64;
/** Characters that Go's reader refuses, or takes for the end of a line where readers of YAML 1.2 do not. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]/;
const DECIMAL = /^-?(?:0|[1-9]\d*)$/;
const OCTAL = /^0o?[0-7]+$/;
const HEXADECIMAL = /^0x[0-9a-fA-F]+$/;
/** What some reader takes for a number: of another base, with a sign or with underscores, or no integer. */
const NUMBER_LIKE = /^[-+]?(?:0[box][0-9a-f]*|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|\.inf|\.nan)$/i;
/** Booleans of YAML 1.1, which are texts in YAML 1.2. */
const OLD_BOOLEAN = /^(?:y|n|yes|no|on|off)$/i;

/**
 * A YAML document as Go's readers of CDI files take it (sigs.k8s.io/yaml): numbers by its rules, everything in quotes is text. What its
 * readers do not agree upon is refused: plain words such as `yes`, fractions, tags, aliases, a key twice. Throws BERTH-F001.
 */
export function parseYaml(source: Source): JsonValue {
  const at = source.text.search(FORBIDDEN);
  if (at !== -1) throw syntaxError(source, "a control character must be written as an escape, in double quotes", at);
  const contents = readDocument(source);
  return contents === null ? null : toValue(source, contents, 0);
}

function readDocument(source: Source): ParsedNode | null {
  // Only here: most files are JSON or are not read by berth at all, and a start must not pay for this parser.
  const yaml: typeof import("yaml") = require("yaml");
  // Plain words are resolved below: every scalar stays the text that it is.
  const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false } as const;
  const { errors, warnings, contents } = yaml.parseDocument(source.text, options);
  const [fault] = [...errors, ...warnings];
  if (fault === undefined) return contents;
  if (fault.code === "RESOURCE_EXHAUSTION") throw syntaxError(source, `it is deeper than ${MAX_DEPTH} levels`, 0);
  throw syntaxError(
    source,
    fault.code === "MULTIPLE_DOCS" ? "it holds several documents" : fault.message,
    fault.pos[0],
  );
}

function toValue(source: Source, node: ParsedNode, depth: number): JsonValue {
  const { isAlias, isMap, isSeq }: typeof import("yaml") = require("yaml");
  const [start] = node.range;
  if (isAlias(node)) throw syntaxError(source, "an alias is not allowed: write out what it stands for", start);
  if (node.tag !== undefined) throw syntaxError(source, "a tag is not allowed", start);
  if (depth >= MAX_DEPTH) throw syntaxError(source, `it is deeper than ${MAX_DEPTH} levels`, start);
  if (isSeq(node)) return node.items.map((item) => toValue(source, item, depth + 1));
  if (!isMap(node)) return toScalar(source, node);
  const fields = new Map<string, JsonValue>();
  for (const { key, value } of node.items) {
    const name = toKey(source, key);
    if (fields.has(name)) throw syntaxError(source, `the key ${JSON.stringify(name)} is there twice`, key.range[0]);
    fields.set(name, value === null ? null : toValue(source, value, depth + 1));
  }
  const object: JsonObject = Object.fromEntries(fields);
  return object;
}

function toKey(source: Source, key: ParsedNode): string {
  const { isCollection }: typeof import("yaml") = require("yaml");
  const value = isCollection(key) ? null : toValue(source, key, 0);
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw syntaxError(source, "a key must be text", key.range[0]);
}

function toScalar(source: Source, { value, type, range }: Scalar.Parsed): JsonValue {
  const text = String(value);
  if (type !== "PLAIN") return text;
  if (text === "" || /^(?:~|null|Null|NULL)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  const number = toInteger(text);
  if (number !== undefined) return number;
  const isDoubtful = OLD_BOOLEAN.test(text) || (/^[-+.\d]/.test(text) && NUMBER_LIKE.test(text.replaceAll("_", "")));
  if (!isDoubtful) return text;
  throw syntaxError(
    source,
    `readers do not agree upon what ${text} means: put it in quotes, or write an integer`,
    range[0],
  );
}

function toInteger(text: string): number | undefined {
  if (OCTAL.test(text) && text !== "0") return safe(Number.parseInt(text.replace("o", ""), 8));
  return DECIMAL.test(text) || HEXADECIMAL.test(text) ? safe(Number(text)) : undefined;
}

function safe(number: number): number | undefined {
  return Number.isSafeInteger(number) ? number : undefined;
}
