import { BerthError, isJsonArray, isJsonObject, ownField, type JsonObject, type JsonValue } from "../base/index.ts";

/** One table of a configuration file, for narrow reads with defaults. A missing table reads as an empty one. */
export interface Table {
  readonly path: string;
  /** "nvidia-container-cli."; "" at the top. */
  readonly prefix: string;
  readonly fields: JsonObject;
}

/** A table in a table. Throws C002. */
export function tableAt(table: Table, key: string): Table {
  const prefix = `${table.prefix}${key}.`;
  const value = ownField(table.fields, key);
  if (value === undefined) return { path: table.path, prefix, fields: {} };
  // A date of TOML is an object, too.
  if (isJsonObject(value) && Object.getPrototypeOf(value) === Object.prototype)
    return { path: table.path, prefix, fields: value };
  throw badValue(table, key, "a table");
}

/** Throws C002, as the other readers here do. */
export function textOf(table: Table, key: string, fallback: string): string {
  const value = ownField(table.fields, key) ?? fallback;
  if (typeof value === "string") return value;
  throw badValue(table, key, "a string");
}

export function flagOf(table: Table, key: string, fallback: boolean): boolean {
  const value = ownField(table.fields, key) ?? fallback;
  if (typeof value === "boolean") return value;
  throw badValue(table, key, "true or false");
}

export function textsOf(table: Table, key: string, fallback: readonly string[]): readonly string[] {
  const value = ownField(table.fields, key);
  if (value === undefined) return fallback;
  if (isJsonArray(value) && value.every((item) => typeof item === "string")) return value;
  throw badValue(table, key, "a list of strings");
}

export function choiceOf<T extends string>(table: Table, key: string, choices: readonly T[], fallback: T): T {
  const text = textOf(table, key, fallback);
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw badValue(table, key, `one of ${choices.map((each) => `"${each}"`).join(", ")}`);
}

/** The C002 error for a key; `wanted` says which values are allowed. */
export function badValue(table: Table, key: string, wanted: string): BerthError {
  const name = `${table.prefix}${key}`;
  const found = nameValue(ownField(table.fields, key));
  return new BerthError({
    code: "BERTH-C002",
    message: `Cannot use the configuration "${table.path}": "${name}" must be ${wanted}, and is ${found}`,
    remedy: `set "${name}" in "${table.path}" to ${wanted}`,
  });
}

function nameValue(value: JsonValue | undefined): string {
  if (value === undefined) return "not set";
  return (JSON.stringify(value) ?? "").slice(0, 80);
}
