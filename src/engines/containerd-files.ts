import { basename, dirname, resolve } from "node:path";
import { BerthError, compareVersions, matchesGlob } from "../base/index.ts";
import { readTable } from "./change-text.ts";
import { isTable, mergeTables, tableAt, textsAt, valueAt, type Table } from "./config-values.ts";
import { CRI_PLUGINS, criPluginOf } from "./containerd-plugins.ts";
import type { ConfigReader } from "./wish.ts";

/** A file of containerd's configuration as values. */
export interface ContainerdFile {
  readonly path: string;
  readonly top: Table;
}

/** containerd's configuration as its files are. */
export interface ContainerdFiles {
  /** The main file and all that is imported, in the order in which containerd reads them. */
  readonly all: readonly ContainerdFile[];
  /** Of the main file. */
  readonly version: number;
  /** Its plugin for Kubernetes, as files of this version name it. */
  readonly plugin: string;
  /** Whether what several files say of a plugin is merged. Else the last file that names a plugin says all of it. */
  readonly isMerging: boolean;
}

const FIRST_MERGING = "2.0";

/**
 * Reads the main file and its imports as containerd does: each file once, what a file imports after all that was named
 * before (LoadConfig of 1.7 and 2.x). Before 2.0 it replaces whole plugins (tried with 1.7.24: a file that only adds a
 * runtime takes away everything else); since then it merges them (containerd#9982), and only such releases take files
 * of version 3. Throws T001, G001.
 */
export function readContainerd(reader: ConfigReader, main: string, release: string | undefined): ContainerdFiles {
  const all: ContainerdFile[] = [];
  const pending = [main];
  for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
    const text = all.some((file) => file.path === path) ? undefined : reader.read(path);
    if (text === undefined) continue;
    const top = readTable({ path, format: "toml" }, text);
    all.push({ path, top });
    pending.push(...importsOf({ path, top }).flatMap((each) => (each.includes("*") ? reader.list(each) : [each])));
  }
  const isNew = release !== undefined && compareVersions(release, FIRST_MERGING) >= 0;
  const version = versionOf(main, all.find(({ path }) => path === main)?.top ?? {}, isNew ? 3 : 2);
  return { all, version, plugin: criPluginOf(version), isMerging: isNew || version > 2 };
}

/** What a file says of the plugin, under any of its names; undefined: nothing. */
export function pluginOf({ top }: Pick<ContainerdFile, "top">): Table | undefined {
  const name = pluginNameIn({ top });
  return name === undefined ? undefined : tableAt(top, ["plugins", name]);
}

/** Under which name a file speaks of the plugin. */
export function pluginNameIn({ top }: Pick<ContainerdFile, "top">): string | undefined {
  return CRI_PLUGINS.findLast((name) => isTable(valueAt(top, ["plugins", name])));
}

/** What counts of the plugin. */
export function effectivePlugin({ all, isMerging }: ContainerdFiles): Table {
  const said = all.map(pluginOf).filter((plugin) => plugin !== undefined);
  return isMerging ? said.reduce(mergeTables, {}) : (said.at(-1) ?? {});
}

/** Whether any file switches the part for Kubernetes off. */
export function isPluginDisabled({ all }: ContainerdFiles): boolean {
  return all.some(({ top }) => textsAt(top, ["disabled_plugins"]).some((name) => CRI_PLUGINS.includes(name)));
}

/** Whether a file is read because of an import, once it is there. */
export function isImported({ all }: ContainerdFiles, path: string): boolean {
  return all.some((file) =>
    importsOf(file).some(
      (pattern) => dirname(pattern) === dirname(path) && matchesGlob(basename(path), basename(pattern)),
    ),
  );
}

function importsOf({ path, top }: ContainerdFile): readonly string[] {
  return textsAt(top, ["imports"]).map((pattern) => resolve(dirname(path), pattern));
}

/** Without one it is 1, as for containerd; a file that says nothing at all can be of any. */
function versionOf(path: string, top: Table, unsaid: number): number {
  const version = top["version"];
  if (version === undefined) return Object.keys(top).length === 0 ? unsaid : 1;
  if (typeof version === "number" && Number.isInteger(version) && version >= 0) return Math.max(version, 1);
  throw new BerthError({
    code: "BERTH-G001",
    message: `Cannot set up containerd: "version" in "${path}" is ${JSON.stringify(version)}, which is no number`,
    remedy: `write version = 2 in "${path}"`,
  });
}
