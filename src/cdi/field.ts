import {
  isJsonArray,
  isJsonObject,
  nearest,
  ownField,
  toSafeInteger,
  type JsonObject,
  type JsonValue,
} from "../base/index.ts";
import { fieldError, type Source } from "./source.ts";
import type { BerthError } from "../base/index.ts";
import type { Steps } from "./steps.ts";

const MAX_UINT32 = 0xffffffff;

/** A value of a file and the way to it; null is absent, as Go has it. */
export interface Field {
  readonly source: Source;
  readonly steps: Steps;
  readonly value: JsonValue | undefined;
}

/** One field of an object, which `readObject` has checked. */
export interface ObjectField extends Field {
  readonly value: JsonObject;
}

/* Each reader gives undefined (a list: none) when the field is absent, and throws BERTH-F002 when its type is wrong. */

/** An object that has no fields but the `known` ones; undefined for `known`: any. */
export function readObject(field: Field, known: readonly string[] | undefined): ObjectField | undefined {
  const { value } = field;
  if (isAbsent(value)) return undefined;
  if (!isJsonObject(value)) throw wrongType(field, "an object");
  for (const key of known === undefined ? [] : Object.keys(value)) {
    if (known?.includes(key) === false) throw unknownField(field, key, known);
  }
  return { ...field, value };
}

/** An object that must be there. */
export function needObject(field: Field, known: readonly string[]): ObjectField {
  const object = readObject(field, known);
  if (object === undefined) throw wrongType(field, "an object");
  return object;
}

export function fieldAt(object: ObjectField, key: string): Field {
  return { source: object.source, steps: [...object.steps, key], value: ownField(object.value, key) };
}

/** The items of a list, each as a field of its own. */
export function readItems(field: Field): readonly Field[] {
  const { source, steps, value } = field;
  if (isAbsent(value)) return [];
  if (!isJsonArray(value)) throw wrongType(field, "a list");
  return value.map((item, index) => ({ source, steps: [...steps, index], value: item }));
}

/** Text that is there and may be empty. In YAML an integer without quotes is text where text is wanted, as for Go's readers. */
export function needText(field: Field): string {
  const { source, value } = field;
  const text = source.format === "yaml" && typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") throw wrongType(field, "text");
  if (text.includes("\0")) throw fieldError(source, { steps: field.steps, why: "holds a NUL character" });
  return text;
}

/** Text, where an empty one is as good as none. */
export function readText(field: Field): string | undefined {
  return isAbsent(field.value) ? undefined : needText(field) || undefined;
}

export function readBoolean(field: Field): boolean {
  if (isAbsent(field.value)) return false;
  if (typeof field.value !== "boolean") throw wrongType(field, "true or false");
  return field.value;
}

/** An integer of 0 to 2^32-1, which every number of the specification is. */
export function readInteger(field: Field): number | undefined {
  return isAbsent(field.value) ? undefined : needInteger(field);
}

export function needInteger(field: Field): number {
  const integer = toSafeInteger(field.value);
  if (integer === undefined || integer < 0 || integer > MAX_UINT32) throw wrongType(field, "an integer of 0 to 2^32-1");
  return integer;
}

/** An object of texts. */
export function readTexts(field: Field): Readonly<Record<string, string>> {
  const object = readObject(field, undefined);
  const keys = object === undefined ? [] : Object.keys(object.value);
  return Object.fromEntries(object === undefined ? [] : keys.map((key) => [key, needText(fieldAt(object, key))]));
}

function isAbsent(value: JsonValue | undefined): value is null | undefined {
  return value === undefined || value === null;
}

function wrongType({ source, steps, value }: Field, wanted: string): BerthError {
  const found = value === undefined ? "is missing" : `is ${nameType(value)}`;
  return fieldError(source, { steps, why: `must be ${wanted}, but ${found}` });
}

function unknownField({ source, steps }: Field, key: string, known: readonly string[]): BerthError {
  const near = nearest(key, known);
  const why = "is no field of the specification";
  const remedy = `take it out of "${source.path}"`;
  if (near === undefined) return fieldError(source, { steps: [...steps, key], why, remedy });
  const hint = { why: `${why}; did you mean "${near}"?`, remedy: `write "${near}" there in "${source.path}"` };
  return fieldError(source, { steps: [...steps, key], ...hint });
}

function nameType(value: JsonValue): string {
  if (value === null) return "null";
  if (isJsonArray(value)) return "a list";
  if (typeof value === "string") return `the text ${shorten(JSON.stringify(value))}`;
  return isJsonObject(value) ? "an object" : shorten(JSON.stringify(value));
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
