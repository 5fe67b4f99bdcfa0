import { formatInteger, isTextList, isTextTable, type TextValue } from "./value.ts";

/** A value on one line, in words that TOML 1.0 has: tables inline. */
export function formatTomlValue(value: TextValue): string {
  if (typeof value === "number") return formatInteger(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return formatTomlString(value);
  if (isTextList(value)) return `[${value.map(formatTomlValue).join(", ")}]`;
  const fields = isTextTable(value) ? Object.entries(value).map(([key, each]) => formatTomlEntry(key, each)) : [];
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

/** `key = value` */
export function formatTomlEntry(key: string, value: TextValue): string {
  return `${formatTomlKey(key)} = ${formatTomlValue(value)}`;
}

/** A key, in quotes where it needs them. */
export function formatTomlKey(key: string): string {
  return /^[\w-]+$/.test(key) ? key : formatTomlString(key);
}

/** Throws RangeError for half a surrogate pair, which no TOML text can hold. */
function formatTomlString(text: string): string {
  if (!text.isWellFormed()) throw new RangeError("Not a text: it holds half a character");
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}
