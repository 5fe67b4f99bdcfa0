import { parseTomlText } from "./position.ts";
import { formatTomlEntry, formatTomlKey } from "./toml-format.ts";
import { beforeNewline, lineEnd, lineIndent, lineStart, newlineOf, nextLine, splice, type Span } from "./span.ts";
import { spanOf, type Section, type TomlText } from "./toml-tree.ts";
import { startsWith } from "./position.ts";
import { isTextTable, type KeyPath, type TextTable, type TextValue } from "./value.ts";

/**
 * Adds a key to a section: below the comment that shows it (`#key = …`), else below the last key. `removeEntryLine` of
 * it gives the same bytes back.
 */
export function insertEntryLine(toml: TomlText, section: Section, key: string, value: TextValue): string {
  const { text } = toml;
  const entry = formatTomlEntry(key, value);
  const last = section.entries.at(-1) ?? section.header?.key;
  if (last === undefined) return insertFirstLine(toml, entry, newlineOf(text));
  const shown = findShown(toml, section, key);
  if (shown !== undefined) return insertLineAfter(text, shown.start, lineIndent(text, shown.start) + entry);
  const indent = section.entries.length > 0 ? lineIndent(text, last.range[0]) : keyIndent(toml, section);
  return insertLineAfter(text, last.range[1], indent + entry);
}

/** A comment of the section, with a line of its own, that would be this key without its sign. */
function findShown(toml: TomlText, section: Section, key: string): Span | undefined {
  const { text, sections, comments } = toml;
  const start = section.header?.key.range[1] ?? 0;
  const end = sections[sections.indexOf(section) + 1]?.header?.range[0] ?? text.length;
  return comments.findLast((comment) => {
    const isWithin = section.entries.some(({ range }) => range[0] < comment.start && comment.start < range[1]);
    const isOfSection = comment.start >= start && comment.start < end && !isWithin;
    return isOfSection && isCommentLine(toml, lineStart(text, comment.start)) && shows(text, comment, key);
  });
}

/** Words about a key are no such comment, even where they begin with it. */
function shows(text: string, { start, end }: Span, key: string): boolean {
  const [, shown = "", name] = /^#[ \t]*(([\w-]+)[ \t]*=.*)$/.exec(text.slice(start, end)) ?? [];
  return name === key && parseTomlText(shown).program !== undefined;
}

/** Adds a line below the one that holds `offset`. */
export function insertLineAfter(text: string, offset: number, line: string): string {
  const newline = newlineOf(text);
  const end = nextLine(text, lineEnd(text, offset));
  const isLast = lineEnd(text, offset) === text.length;
  return splice(text, { start: end, end }, isLast ? newline + line : line + newline);
}

/** A key at the top of a text that has none there yet. */
function insertFirstLine(toml: TomlText, entry: string, newline: string): string {
  const { text } = toml;
  const next = toml.sections[1];
  if (next !== undefined) {
    const start = headingStart(toml, next);
    return splice(text, { start, end: start }, `${entry}${newline}${newline}`);
  }
  return text === "" || text.endsWith("\n") ? `${text}${entry}${newline}` : `${text}${newline}${entry}`;
}

/** Takes out a key with its line, and with it the blank line that parted a text's only first key from its first section. */
export function removeEntryLine(toml: TomlText, section: Section, index: number): string {
  const { text } = toml;
  const entry = section.entries[index];
  if (entry === undefined) return text;
  let start = lineStart(text, entry.range[0]);
  let end = nextLine(text, lineEnd(text, entry.range[1]));
  if (lineEnd(text, entry.range[1]) === text.length) start = beforeNewline(text, start);
  const isOnlyFirst = section.header === undefined && section.entries.length === 1 && toml.sections.length > 1;
  if (isOnlyFirst && isBlankLine(text, end)) end = nextLine(text, end);
  return splice(text, { start, end }, "");
}

/** Adds a table with its own header, and those below it, behind the last of its kin. */
export function insertSection(toml: TomlText, path: KeyPath, table: TextTable): string {
  const { text, sections } = toml;
  const newline = newlineOf(text);
  const blocks = listTables(path, table).map((each) => formatSection(toml, each).join(newline));
  const next = sections[lastOfKin(toml, path) + 1];
  if (next === undefined) return appendBlocks(text, blocks, newline);
  const start = headingStart(toml, next);
  const isDense = !isBlankLine(text, lineStart(text, start - 1));
  const parted = blocks.map((block) => block + newline + (isDense ? "" : newline));
  return splice(text, { start, end: start }, parted.join(""));
}

function appendBlocks(text: string, blocks: readonly string[], newline: string): string {
  const body = blocks.join(newline + newline);
  if (text === "") return body + newline;
  return text.endsWith("\n") ? `${text}${newline}${body}${newline}` : `${text}${newline}${newline}${body}`;
}

/** Takes out a section with its header, the comments right below it, and one blank line. */
export function removeSection(toml: TomlText, section: Section): string {
  const { text, sections } = toml;
  const { header } = section;
  if (header === undefined) return text;
  const next = sections[sections.indexOf(section) + 1];
  const limit = next === undefined ? text.length : headingStart(toml, next);
  const content = section.entries.at(-1) ?? header.key;
  let start = lineStart(text, header.range[0]);
  let end = nextLine(text, lineEnd(text, content.range[1]));
  while (end < limit && isCommentLine(toml, end)) end = nextLine(text, end);
  if (end < text.length) {
    if (isBlankLine(text, end)) end = nextLine(text, end);
    return splice(text, { start, end }, "");
  }
  if (start > 0 && isBlankLine(text, lineStart(text, start - 1))) start = lineStart(text, start - 1);
  return splice(text, { start: text.endsWith("\n") ? start : beforeNewline(text, start), end }, "");
}

interface TableBlock {
  readonly path: KeyPath;
  readonly entries: readonly string[];
}

/** A table and those in it; a table that holds nothing but tables needs no header. */
function listTables(path: KeyPath, table: TextTable): readonly TableBlock[] {
  const fields = Object.entries(table);
  const entries = fields.flatMap(([key, value]) => (isTextTable(value) ? [] : [formatTomlEntry(key, value)]));
  const own = entries.length > 0 || fields.length === 0 ? [{ path, entries }] : [];
  const below = fields.flatMap(([key, value]) => (isTextTable(value) ? listTables([...path, key], value) : []));
  return [...own, ...below];
}

function formatSection(toml: TomlText, { path, entries }: TableBlock): readonly string[] {
  const indent = headerIndent(toml, path);
  const inner = indent + keyStep(toml, path);
  return [`${indent}[${formatHeading(toml, path)}]`, ...entries.map((entry) => inner + entry)];
}

/** The keys of a header; those above are spelt as the nearest header spells them. */
function formatHeading({ text, sections }: TomlText, path: KeyPath): string {
  let model = { count: 0, source: "" };
  for (const { header } of sections) {
    const keys = header?.key.keys ?? [];
    const count = keys.findIndex((key, at) => (key.type === "TOMLBare" ? key.name : key.value) !== path[at]);
    const shared = Math.min(count < 0 ? keys.length : count, path.length);
    const last = keys[shared - 1];
    const first = keys[0];
    if (shared < model.count || first === undefined || last === undefined) continue;
    model = { count: shared, source: text.slice(first.range[0], last.range[1]) };
  }
  const rest = path.slice(model.count).map(formatTomlKey);
  return [...(model.count > 0 ? [model.source] : []), ...rest].join(".");
}

/** The index of the section that a new one of this path follows: the last that has as many of its first keys as any. */
function lastOfKin({ sections }: TomlText, path: KeyPath): number {
  for (let count = path.length; count > 0; count--) {
    const index = sections.findLastIndex((section) => startsWith(section.path, path.slice(0, count)));
    if (index >= 0) return index;
  }
  return sections.length - 1;
}

/** The section of as many keys that has the most of the first ones in common with a path, and one at least. */
function cousinOf({ sections }: TomlText, path: KeyPath, isModel: (section: Section) => boolean): Section | undefined {
  for (let count = path.length - 1; count > 0; count--) {
    const start = path.slice(0, count);
    const isCousin = (each: Section) => each.path.length === path.length && startsWith(each.path, start);
    const found = sections.findLast((each) => each.header !== undefined && isCousin(each) && isModel(each));
    if (found !== undefined) return found;
  }
  return undefined;
}

function headerIndent(toml: TomlText, path: KeyPath): string {
  if (path.length === 0) return "";
  const own = toml.sections.find((each) => each.header !== undefined && isSamePath(each.path, path));
  const model = own ?? cousinOf(toml, path, () => true);
  if (model?.header !== undefined) return lineIndent(toml.text, model.header.range[0]);
  return path.length === 1 ? "" : headerIndent(toml, path.slice(0, -1)) + levelStep(toml);
}

/** How much further in than the header of its parent a header stands in this text. */
function levelStep({ text, sections }: TomlText): string {
  for (const { path, header } of sections) {
    const above = sections.find((each) => each.header !== undefined && isSamePath(each.path, path.slice(0, -1)));
    if (header === undefined || above?.header === undefined) continue;
    return stepBetween(lineIndent(text, above.header.range[0]), lineIndent(text, header.range[0]));
  }
  return "";
}

function keyIndent(toml: TomlText, section: Section): string {
  const { header, path } = section;
  if (header === undefined) return "";
  return (
    lineIndent(toml.text, header.range[0]) +
    keyStep(
      toml,
      path.filter((step) => typeof step === "string"),
    )
  );
}

/** How much further in than its header a key stands. */
function keyStep(toml: TomlText, path: KeyPath): string {
  const isAlike = (each: Section) => each.path.length === path.length && hasKeys(each);
  const model = cousinOf(toml, path, hasKeys) ?? toml.sections.findLast(isAlike) ?? toml.sections.find(hasKeys);
  const first = model?.entries[0];
  if (model?.header === undefined || first === undefined) return "";
  return stepBetween(lineIndent(toml.text, model.header.range[0]), lineIndent(toml.text, first.range[0]));
}

function hasKeys({ header, entries }: Section): boolean {
  return header !== undefined && entries.length > 0;
}

function stepBetween(outer: string, inner: string): string {
  return inner.startsWith(outer) ? inner.slice(outer.length) : "";
}

/** Where a section begins with the comment right above its header. */
function headingStart(toml: TomlText, { header }: Section): number {
  let start = lineStart(toml.text, header === undefined ? 0 : spanOf(header).start);
  while (start > 0 && isCommentLine(toml, lineStart(toml.text, start - 1))) start = lineStart(toml.text, start - 1);
  return start;
}

function isCommentLine({ text, comments }: TomlText, start: number): boolean {
  const first = start + lineIndent(text, start).length;
  return comments.some((comment) => comment.start === first);
}

function isBlankLine(text: string, start: number): boolean {
  return start < text.length && /^[ \t]*$/.test(text.slice(start, lineEnd(text, start)));
}

function isSamePath(a: readonly (string | number)[], b: readonly (string | number)[]): boolean {
  return a.length === b.length && startsWith(a, b);
}
