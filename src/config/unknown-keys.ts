import { nearest, ownField, type JsonObject } from "../base/index.ts";
import { isTable, meaning, type ConfigFile } from "./file.ts";
import { DEFAULTS } from "./keys.ts";

/**
 * A sentence for every key and table that is not known and is berth's own (in `[berth]`) or looks misspelt. Others are let be in silence:
 * a newer or an older toolkit knows them.
 */
export function warnOfUnknownKeys(file: ConfigFile): readonly string[] {
  const warnings: string[] = [];
  inspect(file, { prefix: "", fields: file.top }, warnings);
  return warnings;
}

interface Table {
  /** "features."; "" at the top. */
  readonly prefix: string;
  readonly fields: JsonObject;
}

function inspect(file: ConfigFile, { prefix, fields }: Table, warnings: string[]): void {
  for (const name of Object.keys(fields)) {
    const key = `${prefix}${name}`;
    if (Object.hasOwn(DEFAULTS, key)) continue;
    const value = ownField(fields, name);
    if (isTable(value) && isKnownTable(`${key}.`)) inspect(file, { prefix: `${key}.`, fields: value }, warnings);
    else warnings.push(...warnOf(file, prefix, name));
  }
}

function warnOf(file: ConfigFile, prefix: string, name: string): readonly string[] {
  // Two edits make another word of a short one.
  const near = nearest(name, namesBelow(prefix), name.length < 6 ? 1 : 2);
  if (near === undefined && prefix !== "berth.") return [];
  const key = `"${prefix}${name.slice(0, 80)}" in "${file.path}"`;
  return [`${key} is no key that is known, and is ignored${meaning(near && `${prefix}${near}`)}`];
}

function isKnownTable(prefix: string): boolean {
  return Object.keys(DEFAULTS).some((key) => key.startsWith(prefix));
}

/** "" → "features", "disable-require", …; "features." → "ignore-imex-channel-requests", … */
function namesBelow(prefix: string): readonly string[] {
  const keys = Object.keys(DEFAULTS).filter((key) => key.startsWith(prefix));
  return [...new Set(keys.map((key) => key.slice(prefix.length).split(".", 1)[0] ?? ""))];
}
