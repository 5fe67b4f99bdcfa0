import { basename, dirname, join } from "node:path";
import { escapeControls, matchesGlob } from "../base/index.ts";
import { Root } from "../linux/index.ts";

const CONFIG_BYTES = 1024 * 1024;
const MAX_ENTRIES = 4096;

type Table = Readonly<Record<string, unknown>>;

/** A configuration file as values. */
export interface ConfigFile {
  readonly path: string;
  readonly top: Table;
}

/** The configuration files of the engines below a root. What cannot be read counts as not there, and is a doubt. */
export interface EngineFiles {
  readonly json: (path: string) => ConfigFile | undefined;
  readonly toml: (path: string) => ConfigFile | undefined;
  /** The paths that fit a pattern with `*` in its last part, sorted. */
  readonly list: (pattern: string) => readonly string[];
  /** Of the user who asks, as ~/.config; undefined: root, who has none. */
  readonly userFolder: string | undefined;
}

/** Reads below an open root; `doubt` gets a sentence for each file that cannot be used. */
export function engineFiles(root: Root, userFolder: string | undefined, doubt: (why: string) => void): EngineFiles {
  const read = (path: string, parse: (text: string) => unknown): ConfigFile | undefined => {
    try {
      const bytes = root.readFile(path, CONFIG_BYTES);
      if (bytes === undefined) return undefined;
      const top = parse(new TextDecoder().decode(bytes));
      return { path, top: isTable(top) ? top : {} };
    } catch (thrown) {
      doubt(`"${path}" cannot be read: ${escapeControls(thrown instanceof Error ? thrown.message : String(thrown))}`);
      return undefined;
    }
  };
  return {
    json: (path) => read(path, JSON.parse),
    toml: (path) => read(path, (text): unknown => Bun.TOML.parse(text)),
    list: (pattern) => {
      const names = root.list(dirname(pattern), MAX_ENTRIES) ?? [];
      const found = names.filter((name) => !name.startsWith(".") && matchesGlob(name, basename(pattern)));
      return found.toSorted().map((name) => join(dirname(pattern), name));
    },
    userFolder,
  };
}

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

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
