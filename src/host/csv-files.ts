import { lstatSync } from "node:fs";
import { posix } from "node:path";
import { readText } from "../linux/index.ts";
import { itemsOf, type CsvSource } from "./csv-items.ts";
import { parseCsv } from "./csv.ts";
import type { UnitItem } from "./host.ts";
import type { Scene } from "./scene.ts";
import { listIfThere, onMachine, resolveInRoot } from "./tree.ts";

/** Those that every container gets, in this order. The others are for one that asks for all of them. */
const MAIN_FILES = ["devices.csv", "drivers.csv", "l4t.csv"];
const FILE_BYTES = 1024 * 1024;
const MAX_FILES = 64;
const MAX_ITEMS = 16_384;

/** The CSV files of the mount specification, on this machine and as the root names them, the main ones first. */
export function csvFiles(scene: Scene): readonly string[] {
  if (scene.options.csvFiles !== undefined) return scene.options.csvFiles;
  const folder = resolveInRoot(scene.root, scene.csvFolder) ?? scene.csvFolder;
  const names = (listIfThere(onMachine(scene.root, folder)) ?? []).filter((name) => name.endsWith(".csv"));
  const others = names.filter((name) => !MAIN_FILES.includes(name)).toSorted();
  return [...MAIN_FILES, ...others].slice(0, MAX_FILES).map((name) => `${folder}/${name}`);
}

/** Everything that the CSV files name and that exists; what does not exist, or is no CSV, is a warning. */
export function readCsvItems(scene: Scene): readonly UnitItem[] {
  const items: UnitItem[] = [];
  for (const file of csvFiles(scene)) {
    const text = readCsvFile(scene, file);
    if (text === undefined) continue;
    const { entries, faults } = parseCsv(text);
    const warn: CsvSource["warn"] = ({ line }, why) =>
      scene.warn(`"${onMachine(scene.root, file)}" line ${line}: ${why}`);
    for (const fault of faults) warn(fault, fault.why);
    const isNamed = scene.options.csvFiles !== undefined;
    const source = { scene, isOptional: !isNamed && !MAIN_FILES.includes(posix.basename(file)), warn };
    for (const entry of entries) items.push(...itemsOf(source, entry));
    if (items.length > MAX_ITEMS) {
      scene.warn(`the CSV files name more than ${MAX_ITEMS} things: the rest is left out`);
      return items.slice(0, MAX_ITEMS);
    }
  }
  return items;
}

function readCsvFile(scene: Scene, file: string): string | undefined {
  const place = onMachine(scene.root, file);
  const real = resolveInRoot(scene.root, file);
  if (real === undefined) {
    scene.warn(`"${place}" does not exist`);
    return undefined;
  }
  const stat = lstatSync(onMachine(scene.root, real));
  if (!stat.isFile() || stat.size > FILE_BYTES) {
    scene.warn(
      `"${place}" ${stat.isFile() ? `holds more than ${FILE_BYTES} bytes` : "is not a regular file"}: left out`,
    );
    return undefined;
  }
  return readText(onMachine(scene.root, real), FILE_BYTES);
}
