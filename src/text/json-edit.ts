import { noTable, unreadable } from "./fault.ts";
import { insertItem, removeItem, type Bracketed, type ItemStyle } from "./items.ts";
import { formatJsonText, type JsonStyle } from "./json-format.ts";
import { jsonValueOf, parseJsonTree, type JsonList, type JsonNode, type JsonTable } from "./json-tree.ts";
import { lineIndent, newlineOf, splice, splitMark } from "./span.ts";
import {
  isSameValue,
  isTextList,
  isTextTable,
  wrapValue,
  type KeyPath,
  type RemoveOptions,
  type TextValue,
} from "./value.ts";

const WHAT = "the text";
const UNIT = "    ";

/**
 * The JSON text with one value set, and all else as it was: numbers, order, blanks, line ends, byte order mark. Tables
 * on the way are made. A table that is there already is changed key by key, and a list item by item. A blank text becomes an object, and stays
 * one. What is so already gives the same text. Throws T001 (no JSON), T002 (what stands above the key is no table),
 * RangeError (a number that is no integer).
 */
export function setJson(text: string, path: KeyPath, value: TextValue): string {
  if (path.length === 0) throw new RangeError("A path needs a key");
  const [mark, body] = splitMark(text);
  const start = body.trim() === "" ? `{}${newlineOf(body)}` : body;
  return mark + setIn(start, path, value);
}

/** The JSON text without the value, if it is there. Throws T001. */
export function removeJson(text: string, path: KeyPath, { pruneEmpty = 0 }: RemoveOptions = {}): string {
  const [mark, body] = splitMark(text);
  if (body.trim() === "" || path.length === 0) return text;
  let result = removeIn(body, path);
  for (let level = 1; level <= Math.min(pruneEmpty, path.length - 1); level++) {
    const above = path.slice(0, -level);
    const { node, depth } = descend(readTop(result), above);
    if (depth < above.length || node.kind !== "table" || node.members.length > 0) break;
    result = removeIn(result, above);
  }
  return mark + result;
}

/** How many tables right above a value are not there: `removeJson` with that many levels takes back what `setJson` did. */
export function missingInJson(text: string, path: KeyPath): number {
  const [, body] = splitMark(text);
  if (body.trim() === "") return path.length - 1;
  return path.length - 1 - descend(readTop(body), path.slice(0, -1)).depth;
}

function setIn(text: string, path: KeyPath, value: TextValue): string {
  const top = readTop(text);
  const { node, depth } = descend(top, path);
  const key = path[depth];
  const style = styleOf(text, top);
  if (key !== undefined) {
    if (node.kind !== "table") throw noTable(path, depth, node.kind === "list" ? "a list" : "a value");
    return insertMember(text, node, { key, value: wrapValue(path.slice(depth + 1), value) }, style);
  }
  if (isSameValue(jsonValueOf(node), value)) return text;
  if (node.kind === "table" && isTextTable(value)) return setMembers(text, path, node, value);
  if (node.kind === "list" && isTextList(value)) return setItems(text, path, node, value);
  const indent = style.isInline ? undefined : lineIndent(text, node.start);
  return splice(text, node, formatJsonText(value, indent, style));
}

/** Items that stay keep their place and layout; the others go, and what is new is put behind. */
function setItems(text: string, path: KeyPath, { elements }: JsonList, value: readonly TextValue[]): string {
  let kept = 0;
  const gone = elements.flatMap((element, index) => {
    const wanted = value[kept];
    if (wanted === undefined || !isSameValue(jsonValueOf(element), wanted)) return [index];
    kept += 1;
    return [];
  });
  let result = text;
  for (const index of gone.toReversed()) {
    const [list, style] = listAt(result, path);
    result = removeItem(result, list, index, style.isSpread);
  }
  for (const item of value.slice(kept)) {
    const [list, style] = listAt(result, path);
    const format = (indent: string | undefined): string =>
      formatJsonText(item, indent, styleOf(result, readTop(result)));
    result = insertItem(result, list, format, style);
  }
  return result;
}

function listAt(text: string, path: KeyPath): readonly [Bracketed, ItemStyle] {
  const top = readTop(text);
  const { node } = descend(top, path);
  if (node.kind !== "list") throw noTable(path, path.length, "no list");
  return [bracketsOf(node), itemStyle(styleOf(text, top))];
}

function setMembers(
  text: string,
  path: KeyPath,
  node: JsonTable,
  value: { readonly [key: string]: TextValue },
): string {
  let result = text;
  for (const [key, each] of Object.entries(value)) result = setIn(result, [...path, key], each);
  const extra = node.members.filter(({ key }) => !Object.hasOwn(value, key));
  for (const { key } of extra) result = removeIn(result, [...path, key]);
  return result;
}

function insertMember(
  text: string,
  table: JsonTable,
  member: { key: string; value: TextValue },
  style: JsonStyle,
): string {
  const format = (indent: string | undefined) => {
    return `${JSON.stringify(member.key)}${style.colon}${formatJsonText(member.value, indent, style)}`;
  };
  return insertItem(text, bracketsOf(table), format, itemStyle(style));
}

function removeIn(text: string, path: KeyPath): string {
  const top = readTop(text);
  const { node, depth } = descend(top, path.slice(0, -1));
  if (depth < path.length - 1 || node.kind !== "table") return text;
  const index = node.members.findIndex(({ key }) => key === path.at(-1));
  return index < 0 ? text : removeItem(text, bracketsOf(node), index, !styleOf(text, top).isInline);
}

function readTop(text: string): JsonTable {
  const top = parseJsonTree(text, WHAT);
  if (top.kind !== "table") throw unreadable(WHAT, "it is no object");
  return top;
}

/** As far down a path as the text goes. */
function descend(top: JsonNode, path: KeyPath): { readonly node: JsonNode; readonly depth: number } {
  let node = top;
  for (const [depth, key] of path.entries()) {
    const found = node.kind === "table" ? node.members.find((member) => member.key === key) : undefined;
    if (found === undefined) return { node, depth };
    node = found.value;
  }
  return { node, depth: path.length };
}

function bracketsOf(node: JsonTable | JsonList): Bracketed {
  const items = node.kind === "list" ? node.elements : node.members;
  return { inner: { start: node.start + 1, end: node.end - 1 }, items, comments: [] };
}

function itemStyle({ newline, unit, gap, isInline }: JsonStyle): ItemStyle {
  return { newline, unit, gap, isSpread: !isInline };
}

/** How the text is laid out: on one line, with or without blanks, or by which indentation. */
function styleOf(text: string, top: JsonTable): JsonStyle {
  const first = top.members[0];
  const isInline = first !== undefined && !text.slice(top.start, top.end).includes("\n");
  const isCompact = isInline && /":\S/.test(text.slice(first.start, first.value.start + 1));
  const base = lineIndent(text, top.start);
  const indent = first === undefined ? "" : lineIndent(text, first.start);
  const step = indent.startsWith(base) ? indent.slice(base.length) : "";
  return {
    newline: newlineOf(text),
    unit: step || UNIT,
    gap: isCompact ? "" : " ",
    colon: isCompact ? ":" : ": ",
    isInline,
  };
}
