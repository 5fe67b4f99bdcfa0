import type { AST } from "toml-eslint-parser";
import type { JsonObject, JsonValue } from "../base/index.ts";
import { unreadable } from "./fault.ts";
import type { Bracketed } from "./items.ts";
import { isLongInteger, keysOf, parseTomlText, startsWith } from "./position.ts";
import type { Span } from "./span.ts";
import type { KeyPath } from "./value.ts";

/** A TOML text by its sections, in their order. */
export interface TomlText {
  /** Without a byte order mark. */
  readonly text: string;
  /** The first has no header. */
  readonly sections: readonly Section[];
  readonly comments: readonly Span[];
  /** The integers that a double cannot hold. */
  readonly longIntegers: readonly Span[];
}

/** Keys that stand together, with the path of the table they belong to; an index in a path is that of `[[…]]`. */
export interface Entries {
  readonly path: readonly (string | number)[];
  readonly entries: readonly AST.TOMLKeyValue[];
}

export interface Section extends Entries {
  readonly header?: AST.TOMLTable;
}

export interface InlineTable extends Entries {
  readonly node: AST.TOMLInlineTable;
}

/** Where and how a value is written. */
export type Place =
  | { readonly kind: "entry"; readonly within: Section | InlineTable; readonly index: number }
  /** A table that stands only in longer keys (`a.b = 1`); the index is the last of them. */
  | { readonly kind: "dotted"; readonly within: Section | InlineTable; readonly index: number }
  | { readonly kind: "header"; readonly section: Section }
  /** A table that stands only in the headers of others below it. */
  | { readonly kind: "implicit" }
  | { readonly kind: "lists" }
  /** Something above, of so many keys, is no table. */
  | { readonly kind: "blocked"; readonly depth: number; readonly found: string };

/** Throws T001. */
export function parseToml(text: string, what: string): TomlText {
  const { program, fault } = parseTomlText(text);
  if (program === undefined) {
    throw unreadable(what, "it is not valid TOML", fault === undefined ? undefined : { text, offset: fault });
  }
  const top = program.body[0].body;
  const root = { path: [], entries: top.filter((entry) => entry.type === "TOMLKeyValue") };
  const tables = top.filter((entry) => entry.type === "TOMLTable");
  const sections = tables.map((header) => ({ path: header.resolvedKey, entries: header.body, header }));
  const longIntegers = program.tokens.filter(isLongInteger).map(spanOf);
  return { text, sections: [root, ...sections], comments: program.comments.map(spanOf), longIntegers };
}

/** Where the value of a path stands; undefined: nowhere. */
export function findPlace(toml: TomlText, path: KeyPath): Place | undefined {
  for (const section of toml.sections) {
    const found = startsWith(path, section.path) ? findEntry(section, path) : undefined;
    if (found !== undefined) return found;
  }
  return findHeader(toml, path);
}

function findHeader({ sections }: TomlText, path: KeyPath): Place | undefined {
  const below = sections.filter((section) => startsWith(section.path, path));
  if (below.some((section) => typeof section.path[path.length] === "number")) return { kind: "lists" };
  const section = below.find((each) => each.path.length === path.length);
  if (section !== undefined) return { kind: "header", section };
  if (below.length > 0) return { kind: "implicit" };
  const depth = path.findIndex((_, index) => {
    const above = path.slice(0, index);
    return sections.some((each) => startsWith(each.path, above) && typeof each.path[index] === "number");
  });
  return depth < 0 ? undefined : { kind: "blocked", depth, found: "a list of tables" };
}

function findEntry(within: Section | InlineTable, path: KeyPath): Place | undefined {
  let dotted: Place | undefined;
  for (const [index, { key, value }] of within.entries.entries()) {
    const full = [...within.path, ...keysOf(key)];
    if (path.length < full.length && startsWith(full, path) && path.length > within.path.length) {
      dotted = { kind: "dotted", within, index };
    }
    if (!startsWith(path, full)) continue;
    if (path.length === full.length) return { kind: "entry", within, index };
    if (value.type === "TOMLInlineTable") return findEntry({ path: full, entries: value.body, node: value }, path);
    return { kind: "blocked", depth: full.length, found: value.type === "TOMLArray" ? "a list" : "a value" };
  }
  return dotted;
}

/** An entry that was found. */
export function entryAt({ within, index }: { readonly within: Entries; readonly index: number }): AST.TOMLKeyValue {
  const entry = within.entries[index];
  if (entry === undefined) throw new RangeError(`No entry ${index}`);
  return entry;
}

/** Where a node of the tree stands. */
export function spanOf({ range: [start, end] }: { readonly range: readonly [number, number] }): Span {
  return { start, end };
}

/** The brackets of an inline table or a list, with what stands in them. */
export function bracketsOf(node: AST.TOMLInlineTable | AST.TOMLArray, comments: readonly Span[]): Bracketed {
  const { start, end } = spanOf(node);
  const items = node.type === "TOMLArray" ? node.elements : node.body;
  return { inner: { start: start + 1, end: end - 1 }, items: items.map(spanOf), comments };
}

/** What a text says; integers that a double cannot hold keep their text, and times are texts. */
export function tomlValueOf({ sections }: TomlText): JsonObject {
  const top: Building = new Map();
  for (const { path, entries } of sections) fill(tableAt(top, path), entries);
  return freezeTable(top);
}

/** What a value says: times as texts, and numbers that JavaScript would write otherwise with their text. */
export function contentOf(node: AST.TOMLContentNode): JsonValue {
  const content = buildContent(node);
  return content instanceof Map ? freezeTable(content) : freeze(content);
}

type Building = Map<string, Part>;
type Part = Building | readonly Part[] | Part[] | { readonly value: JsonValue };

function fill(table: Building, entries: readonly AST.TOMLKeyValue[]): void {
  for (const { key, value } of entries) {
    const keys = keysOf(key);
    tableAt(table, keys.slice(0, -1)).set(keys.at(-1) ?? "", buildContent(value));
  }
}

/** The table at the end of a path, made where it is not there yet. */
function tableAt(top: Building, path: readonly (string | number)[]): Building {
  let table = top;
  for (const [index, step] of path.entries()) {
    if (typeof step === "number") continue;
    const position = path[index + 1];
    const found = table.get(step);
    table =
      typeof position === "number"
        ? elementAt(table, step, position)
        : found instanceof Map
          ? found
          : made(table, step);
  }
  return table;
}

function made(table: Building, key: string): Building {
  const inner: Building = new Map();
  table.set(key, inner);
  return inner;
}

function elementAt(table: Building, key: string, index: number): Building {
  const found = table.get(key);
  const list = Array.isArray(found) ? found : [];
  table.set(key, list);
  const element = list[index];
  if (element instanceof Map) return element;
  const inner: Building = new Map();
  list[index] = inner;
  return inner;
}

function buildContent(node: AST.TOMLContentNode): Part {
  if (node.type === "TOMLArray") return node.elements.map(buildContent);
  if (node.type === "TOMLInlineTable") {
    const table: Building = new Map();
    fill(table, node.body);
    return table;
  }
  return { value: scalarOf(node) };
}

function scalarOf(node: AST.TOMLValue): JsonValue {
  if (node.kind === "integer") return Number.isSafeInteger(node.value) ? node.value : JSON.rawJSON(String(node.bigint));
  return "datetime" in node ? node.datetime : node.value;
}

function freezeTable(table: Building): JsonObject {
  return Object.fromEntries([...table].map(([key, value]) => [key, freeze(value)]));
}

function freeze(part: Part): JsonValue {
  if (part instanceof Map) return freezeTable(part);
  return "value" in part ? part.value : part.map(freeze);
}
