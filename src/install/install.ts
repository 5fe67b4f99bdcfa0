import { linkSync, lstatSync } from "node:fs";
import { basename, join } from "node:path";
import { BerthError, removeAbandoned, replaceFile } from "../base/index.ts";
import type { InstallEntry } from "./entry.ts";
import { ancestors, makeFolders, missingFolders, removeEmptyFolders } from "./folders.ts";
import { judge, type Judged } from "./judge.ts";
import type { Layout } from "./layout.ts";
import { removeStaging, writeManifest } from "./manifest-file.ts";
import { manifestPath, readManifest, type Backup, type InstalledFile, type Manifest } from "./manifest.ts";
import { isSameFile, takeAway, type Left } from "./take-away.ts";

export interface InstallTask {
  /** "/", or the folder that is the root of another machine. */
  readonly root: string;
  readonly layout: Layout;
  readonly entries: readonly InstallEntry[];
  readonly version: string;
  readonly asNvidia: boolean;
  readonly now: Date;
}

export interface Installed {
  readonly judged: readonly Judged[];
  /** Files that are no longer part of an installation were taken away. */
  readonly gone: readonly string[];
  readonly backups: readonly Backup[];
  readonly left: readonly Left[];
}

/**
 * Puts every file in place, step by step: what is yielded is done next. However it ends between two steps, an engine
 * finds the old file or the new one under each name, and the manifest has all that uninstall must take away. Throws
 * BERTH-I002, before anything is changed, when something else is in the way; BERTH-I003; errno errors.
 */
export function* install(task: InstallTask): Generator<string, Installed> {
  const { root, layout } = task;
  const old = readManifest(root, layout);
  const judged = judge(root, task.entries, old);
  refuseForeign(judged, layout);
  removeStaging(root, layout);
  const during = manifestDuring(task, judged, old);
  if (judged.every(({ verdict }) => verdict === "same" || verdict === "changed") && isWhole(task, during, old))
    return { judged, gone: [], backups: [], left: leftOf(judged) };
  yield* writeManifest(root, layout, during);
  yield* makeFolders(root, during.folders);
  for (const item of judged) yield* putFile(root, item, during.backups);
  const gone = during.files.filter(({ path }) => !task.entries.some((entry) => entry.path === path));
  const left: Left[] = [];
  for (const file of gone) left.push(...(yield* takeAway(root, file, during.backups)));
  const after = manifestAfter(task, judged, during);
  yield* removeEmptyFolders(
    root,
    during.folders.filter((folder) => !after.folders.includes(folder)),
  );
  yield* writeManifest(root, layout, after);
  const isNew = (backup: Backup) => old?.backups.some((one) => one.backup === backup.backup) !== true;
  return {
    judged,
    gone: gone.map(({ path }) => path),
    backups: after.backups.filter(isNew),
    left: [...leftOf(judged), ...left],
  };
}

function refuseForeign(judged: readonly Judged[], { prefix }: Layout): void {
  const found = judged.find(({ verdict, entry }) => verdict === "foreign" && entry.part !== "name");
  if (found === undefined) return;
  const { path } = found.entry;
  const message = `Cannot install berth into "${prefix}": "${path}" is there, and berth did not put it there`;
  throw new BerthError({
    code: "BERTH-I002",
    message,
    remedy: `mv ${path} ${path}.before-berth, or name another --prefix`,
  });
}

/** Whether the last installation came to its end, was the same, and nothing has to go. */
function isWhole({ asNvidia, version }: InstallTask, during: Manifest, old: Manifest | undefined): boolean {
  const isEqual = old?.asNvidia === asNvidia && old.version === version;
  return isEqual && Bun.deepEquals(during.files, old.files) && during.files.every(({ sha256 }) => sha256.length === 1);
}

/** All that is there or will be: the old files and the new ones. */
function manifestDuring(task: InstallTask, judged: readonly Judged[], old: Manifest | undefined): Manifest {
  const { root, layout, version, asNvidia } = task;
  const known = new Map(old?.files.map((file) => [file.path, file]));
  const files = judged.map(({ entry: { path, mode }, sha256, verdict }): InstalledFile => {
    const before = known.get(path);
    if (before !== undefined && verdict === "changed") return before;
    return { path, mode, sha256: [...new Set([sha256, ...(before?.sha256 ?? [])])] };
  });
  const gone = [...known.values()].filter(({ path }) => !judged.some(({ entry }) => entry.path === path));
  const backups = [...(old?.backups ?? []), ...newBackups(task, judged, old)];
  const paths = [...files.map(({ path }) => path), ...backups.map(({ backup }) => backup), manifestPath(layout)];
  const folders = [...new Set([...(old?.folders ?? []), ...missingFolders(root, paths)])].toSorted();
  return { version, asNvidia, files: [...files, ...gone], folders, backups };
}

/** What an installation has that came to its end. */
function manifestAfter({ root, layout }: InstallTask, judged: readonly Judged[], during: Manifest): Manifest {
  const files = during.files
    .filter(({ path }) => judged.some(({ entry }) => entry.path === path))
    .map((file) => ({ ...file, sha256: file.sha256.slice(0, 1) }));
  const backups = during.backups.filter(({ backup }) => isThere(root, backup));
  const paths = [layout.state, ...files.map(({ path }) => path), ...backups.map(({ backup }) => backup)];
  const needed = new Set(paths.flatMap(ancestors));
  return { ...during, files, backups, folders: during.folders.filter((folder) => needed.has(folder)) };
}

/** Where files of others go that are in the way of our names. One that an earlier run was killed over keeps its place. */
function newBackups(
  { root, layout, now }: InstallTask,
  judged: readonly Judged[],
  old: Manifest | undefined,
): readonly Backup[] {
  const stamp = now.toISOString().slice(0, 19).replaceAll(":", "");
  return judged.flatMap(({ entry: { path }, verdict }) => {
    if (verdict !== "foreign") return [];
    const isKept = old?.backups.some((one) => one.path === path && isFree(root, one)) === true;
    return isKept ? [] : [{ path, backup: join(layout.state, "replaced", stamp, basename(path)) }];
  });
}

/** Whether a backup can still be made in its place, or is one of the very file that is there. */
function isFree(root: string, { path, backup }: Backup): boolean {
  return !isThere(root, backup) || isSameFile(join(root, path), join(root, backup));
}

function isThere(root: string, path: string): boolean {
  return lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

function* putFile(root: string, { entry, verdict }: Judged, backups: readonly Backup[]): Generator<string> {
  const { path, mode, content } = entry;
  const place = join(root, path);
  if (verdict === "same" || verdict === "changed") {
    removeAbandoned(place);
    return;
  }
  const backup = backups.findLast((one) => one.path === path)?.backup;
  if (verdict === "foreign" && backup !== undefined && !isThere(root, backup)) {
    // A second name, not a move: an engine finds a program there at every moment.
    yield `save ${path} as ${backup}`;
    linkSync(place, join(root, backup));
  }
  yield `write ${path}`;
  replaceFile(place, content, { mode, asNew: true });
}

function leftOf(judged: readonly Judged[]): readonly Left[] {
  const changed = judged.filter(({ verdict }) => verdict === "changed");
  return changed.map(({ entry }) => ({ path: entry.path, why: "it was changed since berth put it there" }));
}
