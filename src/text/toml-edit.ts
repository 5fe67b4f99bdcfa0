import type { AST } from "toml-eslint-parser";
import { isJsonObject, type JsonValue } from "../base/index.ts";
import { noTable } from "./fault.ts";
import { insertItem, removeItem, type ItemStyle } from "./items.ts";
import { lineIndent, newlineOf, splice, splitMark } from "./span.ts";
import { formatTomlEntry, formatTomlValue } from "./toml-format.ts";
import { insertEntryLine, insertLineAfter, insertSection, removeEntryLine, removeSection } from "./toml-sections.ts";
import {
  bracketsOf,
  contentOf,
  entryAt,
  findPlace,
  parseToml,
  spanOf,
  tomlValueOf,
  type InlineTable,
  type Place,
  type Section,
  type TomlText,
} from "./toml-tree.ts";
import { startsWith } from "./position.ts";
import {
  isSameValue,
  isTextTable,
  wrapValue,
  type KeyPath,
  type RemoveOptions,
  type TextTable,
  type TextValue,
} from "./value.ts";

const WHAT = "the text";

/**
 * The TOML text with one value set, and all else as it was: comments, order, blanks, line ends, the spelling of values.
 * Tables on the way are made, with a header of their own where the table above has one. A table that is there already
 * is changed key by key. What is so already gives the same text. Throws T001 (no TOML), T002 (what stands above the key
 * is no table), RangeError (a number that is no integer).
 */
export function setToml(text: string, path: KeyPath, value: TextValue): string {
  if (path.length === 0) throw new RangeError("A path needs a key");
  const [mark, body] = splitMark(text);
  return mark + setIn(body, path, value);
}

/** The TOML text without the value, if it is there; a table goes with its header and all that stands below it. Throws T001. */
export function removeToml(text: string, path: KeyPath, { pruneEmpty = 0 }: RemoveOptions = {}): string {
  if (path.length === 0) return text;
  const [mark, body] = splitMark(text);
  let result = removeIn(body, path);
  for (let level = 1; level <= Math.min(pruneEmpty, path.length - 1); level++) {
    result = pruneTable(result, path.slice(0, -level));
  }
  return mark + result;
}

/** How many tables right above a value are not written themselves: `removeToml` with that many levels takes back what `setToml` did. */
export function missingInToml(text: string, path: KeyPath): number {
  const toml = parseToml(splitMark(text)[1], WHAT);
  let count = 0;
  while (count < path.length - 1 && !isWritten(findPlace(toml, path.slice(0, -count - 1)))) count++;
  return count;
}

/** Adds one item to a list, which is made where there is none; the others keep comments and layout. Throws T002 where it is no list. */
export function addToTomlList(text: string, path: KeyPath, item: TextValue): string {
  const [mark, body] = splitMark(text);
  const toml = parseToml(body, WHAT);
  const list = findList(toml, path);
  if (list === undefined) return setToml(text, path, [item]);
  if (list.elements.some((element) => isSameValue(contentOf(element), item))) return text;
  const format = () => formatTomlValue(item);
  return mark + insertItem(body, bracketsOf(list, toml.comments), format, itemStyle(body));
}

/** Takes one item out of a list; the others keep comments and layout, and an empty list stays. Throws T002 where it is no list. */
export function removeFromTomlList(text: string, path: KeyPath, item: TextValue): string {
  const [mark, body] = splitMark(text);
  const toml = parseToml(body, WHAT);
  const list = findList(toml, path);
  const index = list?.elements.findLastIndex((element) => isSameValue(contentOf(element), item)) ?? -1;
  if (list === undefined || index < 0) return text;
  return mark + removeItem(body, bracketsOf(list, toml.comments), index, false);
}

function findList(toml: TomlText, path: KeyPath): AST.TOMLArray | undefined {
  const place = findPlace(toml, path);
  if (place === undefined) return undefined;
  if (place.kind === "blocked") throw noTable(path, place.depth, place.found);
  const value = place.kind === "entry" ? entryAt(place).value : undefined;
  if (value?.type !== "TOMLArray") throw noTable([...path, "…"], path.length, "no list");
  return value;
}

function setIn(text: string, path: KeyPath, value: TextValue): string {
  const toml = parseToml(text, WHAT);
  const place = findPlace(toml, path);
  if (place === undefined) return addTo(toml, path, value);
  if (place.kind === "blocked") throw noTable(path, place.depth, place.found);
  const found = valueAt(tomlValueOf(toml), path);
  if (isSameValue(found, value)) return text;
  if (isTextTable(value) && isJsonObject(found)) return setFields(text, path, Object.keys(found), value);
  if (place.kind !== "entry") return setIn(removeIn(text, path), path, value);
  const { value: node } = entryAt(place);
  return splice(text, spanOf(node), respell(text, node, formatTomlValue(value)));
}

/** A string that was written between apostrophes stays so where it can. */
function respell(text: string, node: AST.TOMLContentNode, written: string): string {
  const isLiteral =
    text[node.range[0]] === "'" && node.type === "TOMLValue" && node.kind === "string" && !node.multiline;
  return isLiteral && /^"[^'"\\]*"$/.test(written) ? `'${written.slice(1, -1)}'` : written;
}

function setFields(text: string, path: KeyPath, keys: readonly string[], value: TextTable): string {
  let result = text;
  for (const [key, each] of Object.entries(value)) result = setIn(result, [...path, key], each);
  for (const key of keys) if (!Object.hasOwn(value, key)) result = removeIn(result, [...path, key]);
  return findPlace(parseToml(result, WHAT), path) === undefined ? setIn(result, path, {}) : result;
}

/** Writes what is not there yet below the nearest table that is. */
function addTo(toml: TomlText, path: KeyPath, value: TextValue): string {
  let depth = path.length - 1;
  let place = findPlace(toml, path.slice(0, depth));
  while (place === undefined) place = findPlace(toml, path.slice(0, --depth));
  const rest = path.slice(depth);
  const [key = "", ...below] = rest;
  switch (place.kind) {
    case "blocked":
      throw noTable(path, place.depth, place.found);
    case "lists":
      throw noTable(path, depth, "a list of tables");
    case "entry":
      return addToInline(toml, place, { path, depth }, formatTomlEntry(key, wrapValue(below, value)));
    case "dotted":
      return addDotted(toml, place, depth, formatTomlEntry(key, wrapValue(below, value)));
    case "header":
      if (rest.length === 1 && !isTextTable(value)) return insertEntryLine(toml, place.section, key, value);
      return addSection(toml, path, value);
    case "implicit":
      return addSection(toml, path, value);
  }
}

function addSection(toml: TomlText, path: KeyPath, value: TextValue): string {
  if (isTextTable(value)) return insertSection(toml, path, value);
  return insertSection(toml, path.slice(0, -1), Object.fromEntries([[path.at(-1) ?? "", value]]));
}

type EntryPlace = Extract<Place, { readonly kind: "entry" | "dotted" }>;

function addToInline(toml: TomlText, place: EntryPlace, at: { path: KeyPath; depth: number }, entry: string): string {
  const { value } = entryAt(place);
  if (value.type !== "TOMLInlineTable") {
    throw noTable(at.path, at.depth, value.type === "TOMLArray" ? "a list" : "a value");
  }
  return insertItem(toml.text, bracketsOf(value, toml.comments), () => entry, itemStyle(toml.text));
}

/** Below the last key of the same table, with the keys before the dot spelt as there. */
function addDotted(toml: TomlText, { within, index }: EntryPlace, depth: number, entry: string): string {
  const { text } = toml;
  const { key, range } = entryAt({ within, index });
  const shared = key.keys.slice(0, depth - within.path.length);
  const line = `${text.slice(key.range[0], shared.at(-1)?.range[1])}.${entry}`;
  if ("node" in within) {
    const brackets = bracketsOf(within.node, toml.comments);
    return insertItem(text, brackets, () => line, itemStyle(text));
  }
  return insertLineAfter(text, range[1], lineIndent(text, range[0]) + line);
}

function removeIn(text: string, path: KeyPath): string {
  const toml = parseToml(text, WHAT);
  const place = findPlace(toml, path);
  if (place === undefined || place.kind === "blocked") return text;
  if (place.kind === "entry") return removeEntry(toml, place.within, place.index);
  const section = toml.sections.findLast((each) => startsWith(each.path, path));
  if (section !== undefined) return removeIn(removeSection(toml, section), path);
  return place.kind === "dotted" ? removeIn(removeEntry(toml, place.within, place.index), path) : text;
}

function removeEntry(toml: TomlText, within: Section | InlineTable, index: number): string {
  if (!("node" in within)) return removeEntryLine(toml, within, index);
  return removeItem(toml.text, bracketsOf(within.node, toml.comments), index, false);
}

/** Takes out a table that holds nothing, and the header of one that holds nothing itself. */
function pruneTable(text: string, path: KeyPath): string {
  const toml = parseToml(text, WHAT);
  const place = findPlace(toml, path);
  if (place?.kind === "header") return place.section.entries.length === 0 ? removeSection(toml, place.section) : text;
  if (place?.kind !== "entry") return text;
  const { value } = entryAt(place);
  const isEmpty = value.type === "TOMLInlineTable" && value.body.length === 0;
  return isEmpty ? removeEntry(toml, place.within, place.index) : text;
}

function isWritten(place: Place | undefined): boolean {
  return place !== undefined && place.kind !== "implicit";
}

function itemStyle(text: string): ItemStyle {
  return { newline: newlineOf(text), unit: "  ", gap: " ", isSpread: false };
}

function valueAt(top: JsonValue, path: KeyPath): JsonValue {
  let value = top;
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? (value[key] ?? null) : null;
  return value;
}
