import { BerthError, nearest, parseStrictInteger } from "../base/index.ts";
import { CONFIG_DEFAULTS } from "../config/index.ts";
import { removeToml, setToml, type TextValue } from "../text/index.ts";
import { readBoolean } from "./command-line.ts";

const FEATURES = "features.";
/** The value that takes a feature out of the file. */
const NO_VALUE = "nil";

/**
 * A configuration text with `--set` applied, one after the other: `key=value`, or a key alone for true. Lists are
 * parted by `separator`. Throws U001 for a key that is not known and a value of another type (peer-behaviour 1.4).
 */
export function applySettings(text: string, settings: readonly string[], separator: string): string {
  return settings.reduce((before, setting) => applySetting(before, setting, separator), text);
}

function applySetting(text: string, setting: string, separator: string): string {
  const at = setting.indexOf("=");
  const key = at < 0 ? setting : setting.slice(0, at);
  const value = at < 0 ? undefined : setting.slice(at + 1);
  const kind = kindOf(key);
  const path = key.split(".");
  if (value === NO_VALUE && key.startsWith(FEATURES)) return removeToml(text, path);
  return setToml(text, path, readValue(kind, { key, value, separator }));
}

type Kind = "boolean" | "number" | "text" | "list";

function kindOf(key: string): Kind {
  const fallback = new Map<string, unknown>(Object.entries(CONFIG_DEFAULTS)).get(key);
  if (typeof fallback === "boolean") return "boolean";
  if (typeof fallback === "number") return "number";
  if (typeof fallback === "string") return "text";
  if (Array.isArray(fallback)) return "list";
  const keys = Object.keys(CONFIG_DEFAULTS);
  if (keys.some((each) => each.startsWith(`${key}.`))) {
    throw wrongSetting(key, "unsupported type: it is a table", `set a key of it: ${key}.…`);
  }
  const near = nearest(key, keys);
  throw wrongSetting(
    key,
    "there is no such key",
    near === undefined ? "see docs/configuration.md for the keys" : `did you mean "${near}"?`,
  );
}

interface Given {
  readonly key: string;
  readonly value: string | undefined;
  readonly separator: string;
}

function readValue(kind: Kind, { key, value, separator }: Given): TextValue {
  if (kind === "boolean") {
    const isTrue = readBoolean(value ?? "true");
    if (isTrue !== undefined) return isTrue;
    throw wrongSetting(key, `"${value}" is not a boolean`, "use true or false");
  }
  if (value === undefined) throw wrongSetting(key, "invalid format: expected key=value", `--set ${key}=VALUE`);
  if (kind === "number") return readWhole(key, value);
  return kind === "list" ? value.split(separator) : value;
}

/** Whether it is a good one is said where the file is read. */
function readWhole(key: string, value: string): number {
  const number = parseStrictInteger(value, Number.MAX_SAFE_INTEGER);
  if (number !== undefined) return number;
  throw wrongSetting(key, `"${value}" is not a whole number`, `write a number: --set ${key}=4`);
}

function wrongSetting(key: string, why: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-U001", message: `Cannot set "${key}": ${why}`, remedy });
}
