import { basename, dirname, join } from "node:path";
import { escapeControls, matchesGlob, messageOf } from "../base/index.ts";
import type { Root } from "../linux/index.ts";
import { isTable, type Table } from "./any-value.ts";

const CONFIG_BYTES = 1024 * 1024;
const MAX_ENTRIES = 4096;

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
      doubt(`"${path}" cannot be read: ${escapeControls(messageOf(thrown))}`);
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
