import { isDeepStrictEqual } from "node:util";
import { sha256Of } from "../base/index.ts";
import {
  addToTomlList,
  missingInJson,
  missingInToml,
  parseConfigText,
  setJson,
  setToml,
  type KeyPath,
  type TextValue,
} from "../text/index.ts";
import { toTable, valueAt, type Table } from "./config-values.ts";
import type { Added, AddedSpan, AddedStep, Changed } from "./wish.ts";

/** What a file has to say: a value at a key, or an item in the list there. */
export interface Want {
  readonly path: KeyPath;
  readonly value: TextValue;
  readonly isItem?: boolean;
  /** As in `AddedStep`. */
  readonly mark?: KeyPath;
}

/** A configuration file; `path` is for messages. */
export interface Place {
  readonly path: string;
  readonly format: Added["format"];
}

/** Of a file of our own. */
export const HEADING = "# Made by berth.\n";

/**
 * Makes a text say what is wanted: one edit for each thing that it does not say yet, all other bytes as they were. A
 * new file begins with a heading.
 */
export function changeText(place: Place, text: string | undefined, wants: readonly Want[], heading = ""): Changed {
  let now = text ?? heading;
  const steps: AddedStep[] = [];
  const spans: AddedSpan[] = [];
  for (const want of wants) {
    const step = stepFor(place, now, want);
    if (step === undefined) continue;
    const next = write(place, now, want);
    steps.push(step);
    spans.push(differenceOf(now, next));
    now = next;
  }
  return {
    text: now,
    added: { format: place.format, isNewFile: text === undefined, made: sha256Of(now), steps, spans },
  };
}

/** The same of a file that is `made` whole, whatever its old text says. */
export function replaceText(place: Place, text: string | undefined, made: string, wants: readonly Want[]): Changed {
  const steps = text === made ? [] : changeText(place, text, wants).added.steps;
  const spans = text === made ? [] : [differenceOf(text ?? "", made)];
  return {
    text: made,
    added: { format: place.format, isNewFile: text === undefined, made: sha256Of(made), steps, spans },
  };
}

/** The table that a configuration file is. Throws T001. */
export function readTable({ path, format }: Place, text: string): Table {
  return toTable(parseConfigText(format, path, text));
}

/** What it takes to make a text say what is wanted; undefined: it does. */
function stepFor(place: Place, text: string, { path, value, isItem = false, mark }: Want): AddedStep | undefined {
  const before = valueAt(readTable(place, text), path);
  if (isItem ? Array.isArray(before) && before.includes(value) : isDeepStrictEqual(before, value)) return undefined;
  const newTables = place.format === "json" ? missingInJson(text, path) : missingInToml(text, path);
  return {
    path,
    value,
    isItem,
    newTables,
    ...(before === undefined ? {} : { before }),
    ...(mark === undefined ? {} : { mark }),
  };
}

function write({ format }: Place, text: string, { path, value, isItem }: Want): string {
  if (format === "json") return isItem === true ? addToJsonList(text, path, value) : setJson(text, path, value);
  return isItem === true && typeof value === "string" ? addToTomlList(text, path, value) : setToml(text, path, value);
}

/** A list that is not there yet gets a line for each item. */
function addToJsonList(text: string, path: KeyPath, value: TextValue): string {
  const items = valueAt(readTable({ path: "", format: "json" }, text), path);
  return Array.isArray(items)
    ? setJson(text, path, [...items, value])
    : setJson(setJson(text, path, []), path, [value]);
}

/** The one stretch in which two texts differ. */
function differenceOf(before: string, after: string): AddedSpan {
  const shorter = Math.min(before.length, after.length);
  let at = 0;
  while (at < shorter && before[at] === after[at]) at++;
  let tail = 0;
  while (tail < shorter - at && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { at, length: after.length - tail - at, removed: before.slice(at, before.length - tail) };
}
