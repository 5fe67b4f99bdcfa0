import { lstatSync, readlinkSync } from "node:fs";
import { posix } from "node:path";
import { matchesGlob } from "../base/index.ts";
import type { CsvEntry } from "./csv.ts";
import { readNode } from "./device-nodes.ts";
import type { UnitItem } from "./host.ts";
import type { Scene } from "./scene.ts";
import { listIfThere, lstatIfThere, onMachine, resolveInRoot } from "./tree.ts";
import { fileItem } from "./unit.ts";

/** Where an entry comes from, and where to complain of it. */
export interface CsvSource {
  readonly scene: Scene;
  readonly isOptional: boolean;
  readonly warn: (entry: Pick<CsvEntry, "line">, why: string) => void;
}

/** What one entry names, as far as it exists; what does not is a warning. */
export function itemsOf(source: CsvSource, entry: CsvEntry): readonly UnitItem[] {
  switch (entry.type) {
    case "dev":
      return spread(source, entry, source.scene.root).flatMap((path) => nodeItem(source, entry, path));
    case "lib":
      return spread(source, entry, source.scene.driverRoot).flatMap((path) => libraryItems(source, entry, path));
    case "sym":
      return isIgnored(source, entry) ? [] : linkItem(source, entry);
    case "dir":
      return folderItem(source, entry);
  }
}

/** A pattern that begins with two asterisks fits the name alone. Rule: nvidia-container-toolkit 1.20 (csv.ignore-pattern). */
function isIgnored({ scene }: CsvSource, { path }: CsvEntry): boolean {
  const patterns = scene.options.csvIgnored ?? [];
  return patterns.some((pattern) => {
    return pattern.startsWith("**/") ? matchesGlob(posix.basename(path), pattern.slice(3)) : matchesGlob(path, pattern);
  });
}

/** The paths that an entry stands for: its own, or those that its last part, a pattern, fits. */
function spread({ warn }: CsvSource, entry: CsvEntry, root: string): readonly string[] {
  const { path } = entry;
  const pattern = posix.basename(path);
  if (!/[*?]/.test(pattern)) return [path];
  const folder = posix.dirname(path);
  const real = resolveInRoot(root, folder);
  const names = real === undefined ? [] : (listIfThere(onMachine(root, real)) ?? []);
  const fitting = names.filter((name) => matchesGlob(name, pattern)).toSorted();
  if (fitting.length === 0) warn(entry, `nothing fits "${path}"`);
  return fitting.map((name) => posix.join(folder, name));
}

function nodeItem({ scene, isOptional, warn }: CsvSource, entry: CsvEntry, path: string): UnitItem[] {
  const node = readNode(scene, { path }, (hostPath) => warn(entry, `"${hostPath}" does not exist`));
  return node === undefined ? [] : [{ kind: "node", node, isOptional }];
}

/** The real file, and the names that lead to it: the one in the CSV file and the soname, where they are links. */
function libraryItems({ scene, isOptional, warn }: CsvSource, entry: CsvEntry, path: string): UnitItem[] {
  const file = fileItem(scene, path, isOptional);
  if (file === undefined) {
    warn(entry, `"${onMachine(scene.driverRoot, path)}" is not a file that exists`);
    return [];
  }
  const real = file.path;
  const soname = file.kind === "library" ? file.soname : undefined;
  const names = soname === undefined || soname.includes("/") ? [] : [posix.join(posix.dirname(real), soname)];
  const links = [path, ...names].flatMap((name): UnitItem[] => {
    const folder = resolveInRoot(scene.driverRoot, posix.dirname(name));
    if (folder === undefined || resolveInRoot(scene.driverRoot, name) !== real) return [];
    const link = posix.join(folder, posix.basename(name));
    return link === real ? [] : [{ kind: "link", path: link, target: posix.relative(folder, real), isOptional }];
  });
  return [file, ...links];
}

/** A link as it is; where it leads is not looked at. Its path is without the driver's root, which a container does not have. */
function linkItem({ scene, isOptional, warn }: CsvSource, entry: CsvEntry): UnitItem[] {
  const folder = resolveInRoot(scene.driverRoot, posix.dirname(entry.path));
  const path = posix.join(folder ?? posix.dirname(entry.path), posix.basename(entry.path));
  const hostPath = onMachine(scene.driverRoot, path);
  if (folder === undefined || lstatIfThere(hostPath)?.isSymbolicLink() !== true) {
    warn(entry, `"${hostPath}" is not a link that exists`);
    return [];
  }
  return [{ kind: "link", path, target: readlinkSync(hostPath), isOptional }];
}

function folderItem({ scene, isOptional, warn }: CsvSource, { path, line }: CsvEntry): UnitItem[] {
  const real = resolveInRoot(scene.driverRoot, path);
  const hostPath = onMachine(scene.driverRoot, real ?? path);
  if (real === undefined || !lstatSync(hostPath).isDirectory()) {
    warn({ line }, `"${hostPath}" is not a folder that exists`);
    return [];
  }
  return [{ kind: "folder", path, hostPath, isOptional }];
}
