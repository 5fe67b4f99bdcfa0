import {
  BerthError,
  isJsonArray,
  isJsonObject,
  nearest,
  ownField,
  quoteAll,
  type JsonObject,
  type JsonValue,
} from "../base/index.ts";
import { DEFAULTS, type Key, type KeyOf } from "./keys.ts";
import { locateValue, type Position } from "../text/index.ts";

/** A configuration file that was parsed, and its text for the places of mistakes. A missing file reads as an empty one. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
  readonly top: JsonObject;
}

/** What is wrong with a value: `wanted` completes "must be"; `item` is the wrong part of a list; `near` is what may be meant. */
export interface Fault {
  readonly wanted: string;
  /** The rule in words, before all else. */
  readonly because?: string;
  readonly item?: { readonly text: string; readonly index?: number };
  readonly near?: string | undefined;
}

/** A key's value, or its default. Throws C002 (another type), as the other readers here do. */
export function readFlag(file: ConfigFile, key: KeyOf<boolean>): boolean {
  const value = findValue(file, key) ?? DEFAULTS[key];
  if (typeof value === "boolean") return value;
  throw badValue(file, key, { wanted: "true or false" });
}

export function readText(file: ConfigFile, key: KeyOf<string>): string {
  const value = findValue(file, key) ?? DEFAULTS[key];
  if (typeof value === "string") return value;
  throw badValue(file, key, { wanted: "a string" });
}

/** A whole number from 0 to `max`. */
export function readNumber(file: ConfigFile, key: KeyOf<number>, max: number): number {
  const value = findValue(file, key) ?? DEFAULTS[key];
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw badValue(file, key, { wanted: `a whole number from 0 to ${max}` });
}

export function readTexts(file: ConfigFile, key: KeyOf<readonly string[]>): readonly string[] {
  const value = findValue(file, key) ?? DEFAULTS[key];
  if (!isJsonArray(value)) throw badValue(file, key, { wanted: "a list of strings" });
  return value.map((item, index) => {
    if (typeof item === "string") return item;
    throw badValue(file, key, { wanted: "a list of strings", item: { text: nameValue(item), index } });
  });
}

/** One of a few words. */
export function readChoice<T extends string>(file: ConfigFile, key: KeyOf<string>, choices: readonly T[]): T {
  const text = readText(file, key);
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw badValue(file, key, { wanted: `one of ${quoteAll(choices)}`, near: nearest(text, choices) });
}

/** Whether the file itself has the key. */
export function isSet(file: ConfigFile, key: Key): boolean {
  return findValue(file, key) !== undefined;
}

function findValue(file: ConfigFile, key: Key): JsonValue | undefined {
  let value: JsonValue | undefined = file.top;
  for (const step of key.split(".")) {
    if (value === undefined) return undefined;
    if (!isTable(value)) throw noTable(file, key.split("."));
    value = ownField(value, step);
  }
  return value;
}

/** Something on the way to a key is no table. */
function noTable(file: ConfigFile, steps: readonly string[]): BerthError {
  const depth = steps.findIndex((_, index) => !isTable(valueAt(file.top, steps.slice(0, index + 1))));
  return badValue(file, steps.slice(0, depth + 1).join("."), { wanted: "a table" });
}

/** Times and dates of TOML are objects, too, and no tables. */
export function isTable(value: JsonValue | undefined): value is JsonObject {
  return isJsonObject(value) && Object.getPrototypeOf(value) === Object.prototype;
}

/** The C002 error for the value of a key, or of a table, with its place. */
export function badValue(file: ConfigFile, key: string, { wanted, because, item, near }: Fault): BerthError {
  const steps = key.split(".");
  const place = locateValue(file.text, item?.index === undefined ? steps : [...steps, item.index]);
  const found = item === undefined ? `is ${nameValue(valueAt(file.top, steps))}` : `holds ${item.text}`;
  const why = `${because === undefined ? "" : `${because}: `}"${key}" must be ${wanted}, and ${found}${meaning(near)}`;
  const message = `Cannot use the configuration ${namePlace(file.path, place)}: ${why}`;
  return new BerthError({
    code: "BERTH-C002",
    message,
    remedy: `mend ${place === undefined ? `"${key}"` : "that line"}, or take it out to use the default`,
  });
}

/** `"/etc/x.toml", line 12, column 8` */
export function namePlace(path: string, place: Position | undefined): string {
  return place === undefined ? `"${path}"` : `"${path}", line ${place.line}, column ${place.column}`;
}

/** `: did you mean "x"?`, or nothing. */
export function meaning(near: string | undefined): string {
  return near === undefined ? "" : `: did you mean "${near}"?`;
}

function valueAt(top: JsonObject, steps: readonly string[]): JsonValue | undefined {
  return steps.reduce<JsonValue | undefined>(
    (value, step) => (isTable(value) ? ownField(value, step) : undefined),
    top,
  );
}

function nameValue(value: JsonValue | undefined): string {
  return (JSON.stringify(value) ?? "not set").slice(0, 80);
}
