import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isWritable } from "../linux/index.ts";
import type { InstallEntry } from "./entry.ts";
import type { Layout } from "./layout.ts";

export interface Chosen {
  readonly entries: readonly InstallEntry[];
  /** Why units or rules were left out, a sentence each. */
  readonly leftOut: readonly string[];
}

/** Leaves out what is for systemd and udev where they are not, or where this user may not write. */
export function chooseUnits(root: string, layout: Layout, entries: readonly InstallEntry[]): Chosen {
  const folders = [...new Set(entries.filter(({ part }) => part === "unit").map(({ path }) => dirname(path)))];
  const faults = folders.map((folder) => ({ folder, why: findFault(root, folder) }));
  const closed = faults.filter(({ why }) => why !== undefined);
  const isClosed = (path: string) => closed.some(({ folder }) => folder === dirname(path));
  const what = (folder: string) => (folder === layout.units ? "the units of systemd" : "the rules of udev");
  return {
    entries: entries.filter(({ path }) => !isClosed(path)),
    leftOut: closed.map(({ folder, why }) => `${what(folder)} are left out: ${why}`),
  };
}

function findFault(root: string, folder: string): string | undefined {
  const above = dirname(folder);
  if (!existsSync(join(root, above))) return `there is no "${above}"`;
  const nearest = existsSync(join(root, folder)) ? folder : above;
  return isWritable(join(root, nearest)) ? undefined : `this user may not write into "${nearest}"`;
}
