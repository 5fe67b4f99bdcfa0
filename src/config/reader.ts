import { BerthError } from "../base/index.ts";

export type Table = Readonly<Record<string, unknown>>;

/** Reads keys of one TOML file by their dotted names, with a default for each; a wrong type is BERTH-C002. */
export interface Reader {
  text(key: string, otherwise: string): string;
  flag(key: string, otherwise: boolean): boolean;
  texts(key: string, otherwise: readonly string[]): readonly string[];
  /** An absolute path without a trailing slash. */
  path(key: string, otherwise: string): string;
  /** The error for a key whose value is not what it should be. */
  fault(key: string, allowed: string): BerthError;
}

/** A reader of a parsed file; `path` is for messages. */
export function makeReader(path: string, table: Table): Reader {
  const fault = (key: string, allowed: string): BerthError => {
    const message = `Cannot use the configuration "${path}": ${key} is ${show(lookUp(table, key))}`;
    return new BerthError({ code: "BERTH-C002", message, remedy: `set ${key} to ${allowed}` });
  };
  const text = (key: string, otherwise: string): string => {
    const value = lookUp(table, key) ?? otherwise;
    if (typeof value !== "string") throw fault(key, "a string");
    return value;
  };
  return {
    text,
    fault,
    flag: (key, otherwise) => {
      const value = lookUp(table, key) ?? otherwise;
      if (typeof value !== "boolean") throw fault(key, "true or false");
      return value;
    },
    texts: (key, otherwise) => {
      const value = lookUp(table, key) ?? otherwise;
      if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
        throw fault(key, "a list of strings");
      return value;
    },
    path: (key, otherwise) => {
      const value = text(key, otherwise);
      if (!value.startsWith("/") || value.split("/").includes("..")) throw fault(key, "an absolute path");
      return value === "/" ? value : value.replace(/\/+$/, "");
    },
  };
}

/** Own keys only, so that a key cannot be found on a prototype. */
function lookUp(table: Table, key: string): unknown {
  let at: unknown = table;
  for (const part of key.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = new Map(Object.entries(at)).get(part);
  }
  return at;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "missing";
}
