import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../base/index.ts";
import type { KeyPath, TextValue } from "../text/index.ts";

/** A table of a configuration file, without its nulls. */
export type Table = { readonly [key: string]: TextValue };

/** What a parsed file says, in values that can be written again. */
export function toTable(object: JsonObject): Table {
  const entries = Object.entries(object).map(([key, value]): [string, TextValue | undefined] => [key, toValue(value)]);
  return Object.fromEntries(entries.filter((entry): entry is [string, TextValue] => entry[1] !== undefined));
}

function toValue(value: JsonValue): TextValue | undefined {
  if (value === null) return undefined;
  if (isJsonArray(value)) return value.flatMap((item) => toValue(item) ?? []);
  if (isJsonObject(value)) return toTable(value);
  return typeof value === "object" ? Number(value.rawJSON) : value;
}

export function isTable(value: TextValue | undefined): value is Table {
  return typeof value === "object" && !Array.isArray(value);
}

/** The value that keys lead to; undefined: there is none. */
export function valueAt(top: TextValue | undefined, path: KeyPath): TextValue | undefined {
  let value = top;
  for (const key of path) value = isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** The table that keys lead to; empty: there is none. */
export function tableAt(top: TextValue | undefined, path: KeyPath): Table {
  const value = valueAt(top, path);
  return isTable(value) ? value : {};
}

/** The text that keys lead to; undefined: there is none. */
export function textAt(top: TextValue | undefined, path: KeyPath): string | undefined {
  const value = valueAt(top, path);
  return typeof value === "string" ? value : undefined;
}

/** The texts of the list that keys lead to; empty: there is none. */
export function textsAt(top: TextValue | undefined, path: KeyPath): readonly string[] {
  const value = valueAt(top, path);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Both tables as one: what the second says counts, table by table. */
export function mergeTables(first: Table, second: Table): Table {
  const merged = Object.entries(second).map(([key, value]): [string, TextValue] => {
    const before = Object.hasOwn(first, key) ? first[key] : undefined;
    return [key, isTable(before) && isTable(value) ? mergeTables(before, value) : value];
  });
  return { ...first, ...Object.fromEntries(merged) };
}

/** The table with one value set, in its old place if it was there. */
export function withValue(top: Table, path: KeyPath, value: TextValue): Table {
  const [key = "", ...rest] = path;
  return { ...top, [key]: rest.length === 0 ? value : withValue(tableAt(top, [key]), rest, value) };
}

/** The table without a value, and without the tables above it that hold nothing then; the others stay in their order. */
export function withoutValue(top: Table, path: KeyPath): Table {
  const [key = "", ...rest] = path;
  const inner = rest.length === 0 ? {} : withoutValue(tableAt(top, [key]), rest);
  if (Object.keys(inner).length > 0) return { ...top, [key]: inner };
  return Object.fromEntries(Object.entries(top).filter(([each]) => each !== key));
}

/** Whether the writers of `text/` can write it back: other numbers than integers would come out as something else. */
export function isWritable(value: TextValue): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  return typeof value !== "object" || Object.values(value).every(isWritable);
}
