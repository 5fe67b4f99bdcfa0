import { beforeNewline, blanksAt, lineEnd, lineIndent, lineStart, nextLine, splice, type Span } from "./span.ts";

/** What stands between two brackets, separated by commas: a list, an object, an inline table. */
export interface Bracketed {
  /** After the opening bracket, and before the closing one. */
  readonly inner: Span;
  readonly items: readonly Span[];
  readonly comments: readonly Span[];
}

export interface ItemStyle {
  readonly newline: string;
  /** One step of indentation. */
  readonly unit: string;
  /** What follows a comma on one line. */
  readonly gap: string;
  /** Whether empty brackets on one line become several lines, and such lines one when they are empty again. */
  readonly isSpread: boolean;
}

/** An item's text; the indentation is that of its line, undefined on a line with others. */
export type FormatItem = (indent: string | undefined) => string;

/** Puts an item behind the last one, laid out as that one is; `removeItem` of it gives the same bytes back. */
export function insertItem(text: string, list: Bracketed, format: FormatItem, style: ItemStyle): string {
  const last = list.items.at(-1);
  if (last === undefined) return fillEmpty(text, list, format, style);
  const indent = ownIndent(text, last.start, list);
  if (indent === undefined) return splice(text, at(last.end), `,${style.gap}${format(undefined)}`);
  const comma = findComma(text, last.end, list);
  const end = endOfComment(text, comma === undefined ? last.end : comma + 1, list);
  const added = `${style.newline}${indent}${format(indent)}`;
  if (comma !== undefined) return splice(text, at(end), `${added},`);
  return splice(splice(text, at(end), added), at(last.end), ",");
}

/** Takes an item out, with the comment on its line. */
export function removeItem(text: string, list: Bracketed, index: number, isSpread: boolean): string {
  const item = list.items[index];
  const next = list.items[index + 1];
  const previous = list.items[index - 1];
  if (item === undefined) return text;
  if (next !== undefined) return removeBefore(text, list, item, next);
  return previous === undefined ? removeOnly(text, list, item, isSpread) : removeLast(text, list, previous, item);
}

function fillEmpty(text: string, { inner, comments }: Bracketed, format: FormatItem, style: ItemStyle): string {
  const { newline, unit } = style;
  if (style.isSpread) {
    const base = lineIndent(text, inner.start);
    return splice(text, at(inner.end), `${newline}${base}${unit}${format(base + unit)}${newline}${base}`);
  }
  const blank = text.slice(inner.start, inner.end);
  if (!blank.includes("\n")) return splice(text, at(inner.end), format(undefined) + blank);
  const closing = lineStart(text, inner.end);
  const comment = comments.findLast(({ start }) => start >= inner.start && start < inner.end);
  const beside = comment && ownIndent(text, comment.start, { inner });
  const indent = beside ?? lineIndent(text, inner.end) + unit;
  return splice(text, at(beforeNewline(text, closing)), `${newline}${indent}${format(indent)}`);
}

function removeOnly(text: string, list: Bracketed, item: Span, isSpread: boolean): string {
  const { inner } = list;
  const comma = findComma(text, item.end, list);
  const end = comma === undefined ? item.end : comma + 1;
  if (ownIndent(text, item.start, list) === undefined) {
    const blanks = blanksAt(text, end).length;
    return splice(text, { start: item.start, end: end + blanks === inner.end ? inner.end : end }, "");
  }
  const start = beforeNewline(text, lineStart(text, item.start));
  return splice(text, { start, end: isSpread ? inner.end : endOfComment(text, end, list) }, "");
}

/** An item with its own line goes with the line, any other with the blanks before the next. */
function removeBefore(text: string, list: Bracketed, item: Span, next: Span): string {
  const comma = findComma(text, item.end, list) ?? item.end;
  const end = endOfComment(text, comma + 1, list);
  const hasLine =
    ownIndent(text, item.start, list) !== undefined && end + blanksAt(text, end).length === lineEnd(text, end);
  if (!hasLine) return splice(text, { start: item.start, end: next.start }, "");
  return splice(text, { start: lineStart(text, item.start), end: nextLine(text, end) }, "");
}

function removeLast(text: string, list: Bracketed, previous: Span, item: Span): string {
  if (ownIndent(text, item.start, list) === undefined) return splice(text, { start: previous.end, end: item.end }, "");
  const own = findComma(text, item.end, list);
  const start = beforeNewline(text, lineStart(text, item.start));
  const end = endOfComment(text, own === undefined ? item.end : own + 1, list);
  const without = splice(text, { start, end }, "");
  const comma = findComma(text, previous.end, list);
  if (own !== undefined || comma === undefined) return without;
  return splice(without, { start: comma, end: comma + 1 }, "");
}

/** The indentation of what is the first on its line inside the brackets; undefined: something stands before it. */
function ownIndent(text: string, offset: number, { inner }: Pick<Bracketed, "inner">): string | undefined {
  const start = lineStart(text, offset);
  const indent = text.slice(start, offset);
  return start > inner.start && /^[ \t]*$/.test(indent) ? indent : undefined;
}

/** Where the comma after an item stands, if one does. */
function findComma(text: string, from: number, { inner, comments }: Bracketed): number | undefined {
  let offset = from;
  while (offset < inner.end) {
    const comment = comments.find(({ start }) => start === offset);
    if (comment === undefined && !/\s/.test(text[offset] ?? "")) return text[offset] === "," ? offset : undefined;
    offset = comment?.end ?? offset + 1;
  }
  return undefined;
}

/** The end of the comment that follows on the same line, or `offset`. */
function endOfComment(text: string, offset: number, { comments }: Bracketed): number {
  const start = offset + blanksAt(text, offset).length;
  return comments.find((comment) => comment.start === start)?.end ?? offset;
}

function at(offset: number): Span {
  return { start: offset, end: offset };
}
