import { formatInteger, isTextList, isTextTable, type TextTable, type TextValue } from "./value.ts";

export interface JsonStyle {
  readonly newline: string;
  /** One step of indentation. */
  readonly unit: string;
  /** What follows a comma on one line, and what stands between a key and its value. */
  readonly gap: string;
  readonly colon: string;
  /** Whether the whole text stands on one line. */
  readonly isInline: boolean;
}

/** A value's JSON text: tables over several lines from `indent` on, or all on one line without it; lists of plain values on one line. */
export function formatJsonText(value: TextValue, indent: string | undefined, style: JsonStyle): string {
  if (typeof value === "number") return formatInteger(value);
  if (isTextList(value)) {
    const inner = value.some((item) => typeof item === "object") ? indent : undefined;
    return enclose(
      "[]",
      value.map((item) => (to) => formatJsonText(item, to, style)),
      inner,
      style,
    );
  }
  return isTextTable(value) ? formatTable(value, indent, style) : JSON.stringify(value);
}

function formatTable(table: TextTable, indent: string | undefined, style: JsonStyle): string {
  const parts = Object.entries(table).map(([key, value]) => (to: string | undefined) => {
    return `${JSON.stringify(key)}${style.colon}${formatJsonText(value, to, style)}`;
  });
  return enclose("{}", parts, indent, style);
}

type Part = (indent: string | undefined) => string;

function enclose(brackets: "[]" | "{}", parts: readonly Part[], indent: string | undefined, style: JsonStyle): string {
  if (parts.length === 0) return brackets;
  const [open, close] = brackets;
  if (indent === undefined) return `${open}${parts.map((part) => part(undefined)).join(`,${style.gap}`)}${close}`;
  const to = indent + style.unit;
  const lines = parts.map((part) => `${style.newline}${to}${part(to)}`);
  return `${open}${lines.join(",")}${style.newline}${indent}${close}`;
}
