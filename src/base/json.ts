import { BerthError, messageOf } from "./error.ts";
import { findJsonFault, foldKey, FREE_TEXT_KEYS, MAX_JSON_DEPTH, type JsonFault } from "./json-fault.ts";

declare const RAW: unique symbol;

/** A number whose text is not what JavaScript would write for it (2^64-1, `1.0`, `-0`): kept as it was read. */
export interface JsonRaw {
  readonly rawJSON: string;
  readonly [RAW]: true;
}

export type JsonValue = string | number | boolean | null | JsonRaw | JsonObject | readonly JsonValue[];

/** Read its fields with `ownField`: a key can be `__proto__` or `constructor`. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

type NumberReviver = (key: string, value: JsonValue, context: { readonly source: string }) => JsonValue;

declare global {
  interface JSON {
    parse(text: string, reviver: NumberReviver): JsonValue;
    rawJSON(text: string): JsonRaw;
    isRawJSON(value: unknown): value is JsonRaw;
  }
}

/** Larger documents are refused before they are decoded. */
export const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** Why a document is refused. */
export interface JsonRefusal {
  /** S002: it is no JSON. S003: a key stands in it twice. S004: it is too large or too deep. */
  readonly code: "BERTH-S002" | "BERTH-S003" | "BERTH-S004";
  /** A clause, without the place. */
  readonly why: string;
  /** In UTF-16 units; undefined: it is the whole document. */
  readonly offset?: number;
  readonly cause?: unknown;
}

/** A document's value, or why it has none. */
export type JsonReading =
  | { readonly kind: "value"; readonly value: JsonValue }
  | { readonly kind: "refused"; readonly refusal: JsonRefusal };

/**
 * A JSON document without loss: numbers keep their text, objects their order (but for keys that are integers). `what`
 * names the document in messages, as a path does. Throws S002 (not UTF-8, a byte order mark, bad syntax), S003 (a key
 * twice, or twice but for case: Go programs ignore case, others do not), S004 (over 4 MiB, or 64 levels).
 */
export function parseJson(bytes: Uint8Array, what: string): JsonValue {
  const text = decodeJson(bytes);
  if (typeof text !== "string") throw asError(text, "", what);
  const read = readPlain(text);
  if (read.kind === "refused") throw asError(read.refusal, text, what);
  return read.value;
}

/** As `parseJson`, for whoever says in words of its own, and of its own place, why a document is refused. */
export function readJson(bytes: Uint8Array): JsonReading {
  const text = decodeJson(bytes);
  return typeof text === "string" ? readPlain(text) : { kind: "refused", refusal: text };
}

/** The compact JSON text of a value; of what `parseJson` read, the same numbers, strings and order. */
export function formatJson(value: JsonValue): string {
  return JSON.stringify(value);
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The field itself, never one that is inherited from a prototype. */
export function ownField(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A copy with one field set: in its old place if it was there, else last. */
export function withField(object: JsonObject, key: string, value: JsonValue): JsonObject {
  return { ...object, [key]: value };
}

/** The text of a number as the document spells it. */
export function rawJsonText(value: JsonRaw | number): string {
  return JSON.stringify(value);
}

/** A number that is an integer within ±(2^53-1), spelled as one; undefined for anything else (`1.0`, `1e3`, `-0`, "1"). */
export function toSafeInteger(value: JsonValue | undefined): number | undefined {
  return Number.isSafeInteger(value) && typeof value === "number" ? value : undefined;
}

function decodeJson(bytes: Uint8Array): string | JsonRefusal {
  if (bytes.length > MAX_JSON_BYTES)
    return { code: "BERTH-S004", why: `it has ${bytes.length} bytes, and ${MAX_JSON_BYTES} are allowed` };
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return { code: "BERTH-S002", why: "it begins with a byte order mark, which JSON does not allow" };
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return { code: "BERTH-S002", why: "it is not valid UTF-8", cause };
  }
}

function readPlain(text: string): JsonReading {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const fault = findJsonFault(text);
    const why = messageOf(cause);
    return { kind: "refused", refusal: fault === undefined ? { code: "BERTH-S002", why, cause } : refusalOf(fault) };
  }
  const skeleton = withoutStrings(text);
  const fault = isSuspect(value, skeleton) ? findJsonFault(text) : undefined;
  if (fault !== undefined) return { kind: "refused", refusal: refusalOf(fault) };
  return { kind: "value", value: hasUnusualNumber(skeleton) ? parseKeepingNumbers(text) : value };
}

function parseKeepingNumbers(text: string): JsonValue {
  return JSON.parse(text, keepNumberText);
}

function keepNumberText(_key: string, value: JsonValue, context: { readonly source: string }): JsonValue {
  return typeof value === "number" && String(value) !== context.source ? JSON.rawJSON(context.source) : value;
}

/**
 * A valid document without its strings. Escapes go first: one pattern for a string with escapes gives up, silently, on a
 * string of some hundred thousand of them.
 */
function withoutStrings(text: string): string {
  const plain = text.includes("\\") ? text.replace(/\\[^]/g, "") : text;
  return plain.replace(/"[^"]*"/g, "");
}

function hasUnusualNumber(skeleton: string): boolean {
  return /-0|\d[.eE]|\d{16}/.test(skeleton);
}

/** Whether the document may hold a key twice or be too deep; on a doubt the slow and exact search decides. */
function isSuspect(value: JsonValue, skeleton: string): boolean {
  const keys = { count: 0, distinct: new Set<string>() };
  const isTooDeep = !countKeys(value, 0, false, keys);
  if (isTooDeep || keys.count !== skeleton.split(":").length - 1) return true;
  const folded = new Set<string>();
  for (const key of keys.distinct) folded.add(foldKey(key));
  return folded.size !== keys.distinct.size;
}

interface KeyCount {
  count: number;
  readonly distinct: Set<string>;
}

/** Counts the keys of a tree without raw numbers; false: it is too deep. */
function countKeys(value: JsonValue, depth: number, isFreeText: boolean, keys: KeyCount): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth >= MAX_JSON_DEPTH) return false;
  if (isJsonArray(value)) {
    for (const item of value) {
      if (typeof item === "object" && !countKeys(item, depth + 1, false, keys)) return false;
    }
    return true;
  }
  for (const [key, item] of Object.entries(value)) {
    keys.count++;
    if (!isFreeText) keys.distinct.add(key);
    if (typeof item === "object" && !countKeys(item, depth + 1, FREE_TEXT_KEYS.includes(key), keys)) return false;
  }
  return true;
}

function refusalOf({ kind, detail, offset }: JsonFault): JsonRefusal {
  if (kind === "syntax") return { code: "BERTH-S002", why: detail, offset };
  if (kind === "duplicate") return { code: "BERTH-S003", why: detail, offset };
  return { code: "BERTH-S004", why: `it is deeper than ${MAX_JSON_DEPTH} levels`, offset };
}

function asError({ code, why, offset, cause }: JsonRefusal, text: string, what: string): BerthError {
  const before = text.slice(0, offset);
  const place =
    offset === undefined ? "" : ` at line ${before.split("\n").length}, column ${offset - before.lastIndexOf("\n")}`;
  if (code === "BERTH-S003") {
    const message = `Cannot use "${what}": ${why},${place}; runtimes disagree about which one counts`;
    return new BerthError({ code, message, remedy: `take one of the two out of "${what}"` });
  }
  const message = `Cannot read "${what}": ${why}${place}`;
  return new BerthError({ code, message, remedy: "mend the program that wrote this file" }, { cause });
}
