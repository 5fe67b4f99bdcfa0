import type { JsonValue } from "../base/index.ts";
import { unreadable } from "./fault.ts";
import type { Span } from "./span.ts";

/** A value of a JSON text with its place. */
export type JsonNode = JsonScalar | JsonList | JsonTable;

interface JsonScalar extends Span {
  readonly kind: "scalar";
  readonly value: JsonValue;
}

export interface JsonList extends Span {
  readonly kind: "list";
  readonly elements: readonly JsonNode[];
}

export interface JsonTable extends Span {
  readonly kind: "table";
  readonly members: readonly JsonMember[];
}

/** From the start of the key to the end of the value. */
export interface JsonMember extends Span {
  readonly key: string;
  readonly value: JsonNode;
}

const MAX_DEPTH = 64;

interface Cursor {
  readonly text: string;
  readonly what: string;
  at: number;
}

/** The one value of a JSON text (RFC 8259, without a byte order mark). Throws T001, also for a key that stands twice. */
export function parseJsonTree(text: string, what: string): JsonNode {
  const cursor: Cursor = { text, what, at: 0 };
  const node = readValue(cursor, 0);
  skip(cursor, /[ \t\r\n]+/y);
  if (cursor.at < text.length) throw unexpected(cursor);
  return node;
}

/** What a node says; numbers that JavaScript would write otherwise keep their text. */
export function jsonValueOf(node: JsonNode): JsonValue {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.elements.map(jsonValueOf);
  return Object.fromEntries(node.members.map(({ key, value }) => [key, jsonValueOf(value)]));
}

function readValue(cursor: Cursor, depth: number): JsonNode {
  skip(cursor, /[ \t\r\n]+/y);
  const first = cursor.text[cursor.at];
  if (first === "{" || first === "[") {
    if (depth >= MAX_DEPTH) throw faultAt(cursor, `it is deeper than ${MAX_DEPTH} levels`);
    return first === "{" ? readTable(cursor, depth) : readList(cursor, depth);
  }
  const start = cursor.at;
  if (first === '"') return { kind: "scalar", value: readString(cursor), start, end: cursor.at };
  if (!skip(cursor, /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y)) throw unexpected(cursor);
  return { kind: "scalar", value: readWord(cursor.text.slice(start, cursor.at)), start, end: cursor.at };
}

function readTable(cursor: Cursor, depth: number): JsonTable {
  const start = cursor.at++;
  const members: JsonMember[] = [];
  if (isNext(cursor, "}")) return { kind: "table", members, start, end: cursor.at };
  const keys = new Set<string>();
  do {
    members.push(readMember(cursor, depth, keys));
  } while (isNext(cursor, ","));
  if (!isNext(cursor, "}")) throw noEnd(cursor);
  return { kind: "table", members, start, end: cursor.at };
}

function readMember(cursor: Cursor, depth: number, keys: Set<string>): JsonMember {
  skip(cursor, /[ \t\r\n]+/y);
  const start = cursor.at;
  const key = readString(cursor);
  if (keys.has(key)) {
    cursor.at = start;
    throw faultAt(cursor, `it holds the key ${JSON.stringify(key)} twice, and only one of the two would count`);
  }
  keys.add(key);
  if (!isNext(cursor, ":")) throw unexpected(cursor);
  const value = readValue(cursor, depth + 1);
  return { key, value, start, end: value.end };
}

function readList(cursor: Cursor, depth: number): JsonList {
  const start = cursor.at++;
  const elements: JsonNode[] = [];
  if (isNext(cursor, "]")) return { kind: "list", elements, start, end: cursor.at };
  do {
    elements.push(readValue(cursor, depth + 1));
  } while (isNext(cursor, ","));
  if (!isNext(cursor, "]")) throw noEnd(cursor);
  return { kind: "list", elements, start, end: cursor.at };
}

function readString(cursor: Cursor): string {
  const start = cursor.at;
  if (cursor.text[start] !== '"') throw unexpected(cursor);
  cursor.at++;
  do {
    // oxlint-disable-next-line no-control-regex -- JSON forbids them in a string
    skip(cursor, /[^"\\\u0000-\u001f]+/y);
  } while (skip(cursor, /\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/y));
  if (cursor.text[cursor.at] !== '"') throw unexpected(cursor);
  cursor.at++;
  const value: string = JSON.parse(cursor.text.slice(start, cursor.at));
  return value;
}

function readWord(word: string): JsonValue {
  const value: JsonValue = JSON.parse(word);
  return typeof value === "number" && String(value) !== word ? JSON.rawJSON(word) : value;
}

/** Whether the next character that is not blank is this one, which is then taken. */
function isNext(cursor: Cursor, character: string): boolean {
  skip(cursor, /[ \t\r\n]+/y);
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at++;
  return true;
}

function skip(cursor: Cursor, pattern: RegExp): boolean {
  pattern.lastIndex = cursor.at;
  if (!pattern.test(cursor.text)) return false;
  cursor.at = pattern.lastIndex;
  return true;
}

/** Behind a member or an element that is not followed by its end. */
function noEnd(cursor: Cursor) {
  const isNextOne = /["{[]/.test(cursor.text[cursor.at] ?? "");
  return isNextOne ? faultAt(cursor, "a comma is missing before this place") : unexpected(cursor);
}

function unexpected(cursor: Cursor) {
  const { text, at } = cursor;
  const found = text.codePointAt(at);
  if (found === undefined) return faultAt(cursor, "unexpected end");
  const character = String.fromCodePoint(found);
  if (character === "/" || character === "#") return faultAt(cursor, "a comment, which JSON does not have");
  const isClosing = (character === "}" || character === "]") && /,[ \t\r\n]*$/.test(text.slice(0, at));
  if (isClosing) return faultAt(cursor, `a comma before "${character}", which JSON does not allow`);
  return faultAt(cursor, `unexpected ${JSON.stringify(character)}`);
}

function faultAt({ text, what, at }: Cursor, why: string) {
  return unreadable(what, why, { text, offset: at });
}
