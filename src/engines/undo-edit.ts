import { isDeepStrictEqual } from "node:util";
import { sha256Of } from "../base/index.ts";
import { removeFromTomlList, removeJson, removeToml, setJson, setToml, type TextValue } from "../text/index.ts";
import { readTable, type Place } from "./change-text.ts";
import { isTable, valueAt } from "./config-values.ts";
import type { Added, AddedStep } from "./wish.ts";

/**
 * Takes out of a file what a change put in. While nobody changed the file since, that gives what was there before, byte
 * for byte; undefined: no file. Else each node that is still ours goes, or gets the value back that it had, and
 * everything else stays. Pure. Throws T001 for a text that cannot be read.
 */
export function undoEdit(path: string, text: string | undefined, added: Added): string | undefined {
  if (text === undefined) return undefined;
  const place: Place = { path, format: added.format };
  const isOurs = sha256Of(text) === added.made;
  const before = isOurs
    ? takeBack(text, added)
    : added.steps.reduceRight((now, step) => takeOut(place, now, step), text);
  const isEmpty = isOurs || Object.keys(readTable(place, before)).length === 0;
  return added.isNewFile && isEmpty ? undefined : before;
}

function takeBack(text: string, { spans }: Added): string {
  return spans.reduceRight((now, { at, length, removed }) => now.slice(0, at) + removed + now.slice(at + length), text);
}

function takeOut(place: Place, text: string, step: AddedStep): string {
  const { path, value, isItem, before } = step;
  const now = valueAt(readTable(place, text), path);
  if (isItem) {
    if (!Array.isArray(now) || !now.includes(value) || typeof value !== "string") return text;
    if (before === undefined && now.length === 1) return removeNode(place, text, step);
    if (place.format === "toml") return removeFromTomlList(text, path, value);
    return setJson(
      text,
      path,
      now.filter((item) => item !== value),
    );
  }
  if (!isStillOurs(step, now)) return text;
  if (before === undefined) return removeNode(place, text, step);
  return place.format === "json" ? setJson(text, path, before) : setToml(text, path, before);
}

function isStillOurs({ value, mark }: AddedStep, now: TextValue | undefined): boolean {
  if (mark === undefined) return isDeepStrictEqual(now, value);
  return isTable(now) && isDeepStrictEqual(valueAt(now, mark), valueAt(value, mark));
}

function removeNode({ format }: Place, text: string, { path, newTables }: AddedStep): string {
  const remove = format === "json" ? removeJson : removeToml;
  return remove(text, path, { pruneEmpty: newTables });
}
