import { isJsonArray, isJsonObject, rawJsonText, type JsonValue } from "../base/index.ts";

/** The way to a value by the keys of tables. */
export type KeyPath = readonly string[];

/** A value to be written: strings, booleans, integers, lists and tables of these. */
export type TextValue = string | boolean | number | readonly TextValue[] | TextTable;

export interface TextTable {
  readonly [key: string]: TextValue;
}

export interface RemoveOptions {
  /** How many levels of tables above the value go too when nothing else stands in them; none without it. */
  readonly pruneEmpty?: number;
}

/** Whether a value is a table: neither a text, a number, a truth value nor a list. */
export function isTextTable(value: TextValue): value is TextTable {
  return typeof value === "object" && !isTextList(value);
}

/** Whether a value is a list. `Array.isArray` alone leaves readonly lists out of the type. */
export function isTextList(value: TextValue): value is readonly TextValue[] {
  return Array.isArray(value);
}

/** Whether a file says this already, however it is spelt and in whatever order a table has its keys. */
export function isSameValue(found: JsonValue, wanted: TextValue): boolean {
  if (typeof wanted === "number") return numberOf(found) === wanted;
  if (isTextList(wanted)) {
    if (!isJsonArray(found) || found.length !== wanted.length) return false;
    return wanted.every((item, index) => isSameValue(found[index] ?? null, item));
  }
  if (!isTextTable(wanted)) return found === wanted;
  const entries = Object.entries(wanted);
  if (!isJsonObject(found) || Object.keys(found).length !== entries.length) return false;
  return entries.every(([key, value]) => Object.hasOwn(found, key) && isSameValue(found[key] ?? null, value));
}

/** The text of an integer. Throws RangeError for any other number: it could not be read back as it was meant. */
export function formatInteger(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`Not an integer: ${value}`);
  return String(value);
}

/** `value` below the given keys: `a`, `b` and 1 make `{ a: { b: 1 } }`. */
export function wrapValue(keys: KeyPath, value: TextValue): TextValue {
  return keys.reduceRight<TextValue>((inner, key) => Object.fromEntries([[key, inner]]), value);
}

function numberOf(found: JsonValue): number | undefined {
  if (typeof found === "number") return found;
  return JSON.isRawJSON(found) ? Number(rawJsonText(found)) : undefined;
}
