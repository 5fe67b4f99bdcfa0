/** What another program's answer or file says, of which nothing is known until it is looked at. */
export type Table = Readonly<Record<string, unknown>>;

/** The value that keys lead to; undefined: there is none. */
export function valueAt(top: Table, ...keys: readonly string[]): unknown {
  let value: unknown = top;
  for (const key of keys) value = isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

/** The texts of a list; undefined: it is no list. */
export function textsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
}

/** Whether a value is a table: an object, and no list. */
export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text that keys lead to; undefined: there is none. */
export function textAt(top: Table, ...keys: readonly string[]): string | undefined {
  const value = valueAt(top, ...keys);
  return typeof value === "string" ? value : undefined;
}

/** The entries of the table that keys lead to. */
export function entriesAt(top: Table, ...keys: readonly string[]): readonly (readonly [string, unknown])[] {
  const table = valueAt(top, ...keys);
  return isTable(table) ? Object.entries(table) : [];
}
