import type { AST } from "toml-eslint-parser";

/** A place in a text, counted from 1; columns are characters (code points), not bytes. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The way to a value: keys of tables, and indices of lists. */
export type Steps = readonly (string | number)[];

/** Where the value stands that `steps` lead to (for a table: its first key or heading); undefined: it cannot be found. */
export function locateValue(text: string, steps: Steps): Position | undefined {
  const { program } = parseTomlText(text);
  const node = program && findInTable(program.body[0].body, [], steps);
  return node && positionAt(text, node.range[0]);
}

/** Where a text that Bun refuses breaks the rules of TOML 1.1, or holds an integer that a double cannot. */
export function locateFault(text: string): Position | undefined {
  const { program, fault } = parseTomlText(text);
  const offset = program === undefined ? fault : findLongInteger(program);
  return offset === undefined ? undefined : positionAt(text, offset);
}

/** The syntax tree of a text without a byte order mark, or where it breaks the rules. */
export function parseTomlText(text: string): { readonly program?: AST.TOMLProgram; readonly fault?: number } {
  // Only here: a start must not pay for a second parser, which is there to say where a mistake is.
  const parser: typeof import("toml-eslint-parser") = require("toml-eslint-parser");
  try {
    return { program: parser.parseTOML(text, { tomlVersion: "1.1" }) };
  } catch (thrown) {
    // Whatever else stops it (a depth that the stack cannot hold), the mistake is still told, without its place.
    return thrown instanceof parser.ParseError ? { fault: thrown.index } : {};
  }
}

function findInTable(entries: readonly (AST.TOMLKeyValue | AST.TOMLTable)[], above: Steps, steps: Steps) {
  for (const entry of entries) {
    const found = entry.type === "TOMLTable" ? findInSection(entry, steps) : findInEntry(entry, above, steps);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `[a.b]` or `[[a.b]]` with what is below it. */
function findInSection(section: AST.TOMLTable, steps: Steps): AST.TOMLNode | undefined {
  if (startsWith(section.resolvedKey, steps)) return section.key;
  return startsWith(steps, section.resolvedKey) ? findInTable(section.body, section.resolvedKey, steps) : undefined;
}

function findInEntry({ key, value }: AST.TOMLKeyValue, above: Steps, steps: Steps): AST.TOMLNode | undefined {
  const path = [...above, ...keysOf(key)];
  if (path.length > steps.length) return startsWith(path, steps) ? key : undefined;
  return startsWith(steps, path) ? findInValue(value, path, steps) : undefined;
}

function findInValue(value: AST.TOMLContentNode, path: Steps, steps: Steps): AST.TOMLNode | undefined {
  const step = steps[path.length];
  if (step === undefined) return value;
  if (value.type === "TOMLInlineTable") return findInTable(value.body, path, steps);
  const element = value.type === "TOMLArray" && typeof step === "number" ? value.elements[step] : undefined;
  return element && findInValue(element, [...path, step], steps);
}

/** The keys of a dotted key or a heading. */
export function keysOf(key: AST.TOMLKey): readonly string[] {
  return key.keys.map((each) => (each.type === "TOMLBare" ? each.name : each.value));
}

/** Whether a path is `start`, or leads on from there. */
export function startsWith(path: Steps, start: Steps): boolean {
  return path.length >= start.length && start.every((step, index) => step === path[index]);
}

function findLongInteger(program: AST.TOMLProgram): number | undefined {
  return program.tokens.find(isLongInteger)?.range[0];
}

/** Whether a token is an integer that a double cannot hold. */
export function isLongInteger({ type, value }: AST.Token): boolean {
  return type === "Integer" && !Number.isSafeInteger(Number(value.replaceAll("_", "")));
}

/** The place of an offset, which is in UTF-16 units. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lines = before.split("\n");
  return { line: lines.length, column: Array.from(lines.at(-1) ?? "").length + 1 };
}
