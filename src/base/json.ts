import { BerthError } from "./error.ts";
import type { ErrorCode } from "./codes.ts";
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

/**
 * A JSON document without loss: numbers keep their text, objects their order (but for keys that are integers). `what`
 * names the document in messages, as a path does. Throws S002 (not UTF-8, a byte order mark, bad syntax), S003 (a key
 * twice, or twice but for case: Go programs ignore case, others do not), S004 (over 4 MiB, or 64 levels).
 */
export function parseJson(bytes: Uint8Array, what: string): JsonValue {
  const text = decodeJson(bytes, what);
  const value = parsePlain(text, what);
  const skeleton = withoutStrings(text);
  if (isSuspect(value, skeleton)) {
    const fault = findJsonFault(text);
    if (fault !== undefined) throw faultError(fault, text, what);
  }
  return hasUnusualNumber(skeleton) ? parseKeepingNumbers(text) : value;
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

function decodeJson(bytes: Uint8Array, what: string): string {
  if (bytes.length > MAX_JSON_BYTES) {
    throw limitError(`Cannot read "${what}": it has ${bytes.length} bytes, and ${MAX_JSON_BYTES} are allowed`);
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw syntaxError(what, "it begins with a byte order mark, which JSON does not allow");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw syntaxError(what, "it is not valid UTF-8", cause);
  }
}

function parsePlain(text: string, what: string): JsonValue {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch (cause) {
    const fault = findJsonFault(text);
    if (fault !== undefined) throw faultError(fault, text, what);
    throw syntaxError(what, cause instanceof Error ? cause.message : String(cause), cause);
  }
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

function faultError(fault: JsonFault, text: string, what: string): BerthError {
  const before = text.slice(0, fault.offset);
  const place = `line ${before.split("\n").length}, column ${fault.offset - before.lastIndexOf("\n")}`;
  if (fault.kind === "syntax") return syntaxError(what, `${fault.detail} at ${place}`);
  if (fault.kind === "depth") {
    return limitError(`Cannot read "${what}": it is deeper than ${MAX_JSON_DEPTH} levels at ${place}`);
  }
  return new BerthError({
    code: "BERTH-S003",
    message: `Cannot use "${what}": ${fault.detail}, at ${place}; runtimes disagree about which one counts`,
    remedy: `take one of the two out of "${what}"`,
  });
}

function syntaxError(what: string, why: string, cause?: unknown): BerthError {
  return jsonError("BERTH-S002", `Cannot read "${what}": ${why}`, cause);
}

function limitError(message: string): BerthError {
  return jsonError("BERTH-S004", message);
}

function jsonError(code: ErrorCode, message: string, cause?: unknown): BerthError {
  return new BerthError({ code, message, remedy: "mend the program that wrote this file" }, { cause });
}
