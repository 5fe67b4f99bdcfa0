import { existsSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeAbandoned } from "../base/index.ts";
import { readFound } from "./judge.ts";
import type { Backup, InstalledFile } from "./manifest.ts";

/** What stays where it is, and why. */
export interface Left {
  readonly path: string;
  readonly why: string;
}

/**
 * Takes an installed file away; what it had replaced comes back. One that somebody has changed stays. Gives back what
 * stays.
 */
export function* takeAway(
  root: string,
  file: InstalledFile,
  backups: readonly Backup[],
): Generator<string, readonly Left[]> {
  const { path } = file;
  const place = join(root, path);
  const saved = backups.filter((one) => one.path === path).map(({ backup }) => backup);
  const there = saved.filter((backup) => existsInside(root, backup));
  const newest = there.at(-1);
  if (existsSync(dirname(place))) removeAbandoned(place);
  const found = readFound(place);
  const isOurs = found === undefined || file.sha256.includes(found.sha256);
  if (isOurs) {
    yield* putBack(root, path, { newest, isThere: found !== undefined });
    return there.slice(0, -1).map(older);
  }
  if (newest !== undefined && isSameFile(join(root, newest), place)) {
    // Saved, and then never replaced.
    yield `remove ${newest}`;
    unlinkSync(join(root, newest));
    return there.slice(0, -1).map(older);
  }
  // Somebody's file that was to be saved and replaced, and is as it was.
  if (saved.length > 0 && there.length === 0) return [];
  return [{ path, why: "it was changed since berth put it there" }, ...there.map(older)];
}

function* putBack(
  root: string,
  path: string,
  { newest, isThere }: { readonly newest: string | undefined; readonly isThere: boolean },
): Generator<string> {
  const place = join(root, path);
  if (newest !== undefined) {
    yield `put ${path} back`;
    renameSync(join(root, newest), place);
  } else if (isThere) {
    yield `remove ${path}`;
    unlinkSync(place);
  }
}

function older(path: string): Left {
  return { path, why: "it is a file of somebody else's that was replaced more than once" };
}

function existsInside(root: string, path: string): boolean {
  return lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

/** Two names of one file. */
export function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => lstatSync(path, { throwIfNoEntry: false }));
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}
