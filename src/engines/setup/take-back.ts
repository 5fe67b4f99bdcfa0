import { posix } from "node:path";
import { sha256Of } from "../../base/index.ts";
import { editFile, Root } from "../../linux/index.ts";
import { editLock } from "./config-place.ts";
import { undoEdit } from "../undo-edit.ts";
import type { FileChange, Layer } from "./layer.ts";
import { readOriginal, readRecord, writeRecord } from "./setup-record.ts";
import type { SetupSite } from "./setup-site.ts";

/**
 * What becomes of a file. `restored`: it is byte for byte what it was. `removed`: it had been made, and is gone.
 * `cleaned`: others have changed it since, so only what berth added is taken out. `kept`: there is nothing of berth in
 * it.
 */
export type BackKind = "restored" | "removed" | "cleaned" | "kept";

/** A file that is to be taken back. */
export interface BackStep {
  /** Of this machine. */
  readonly path: string;
  /** Below the host's root, as the record has it: no link of that root leads out of it. */
  readonly name: string;
  readonly kind: BackKind;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** What was done to it, oldest first. */
  readonly changes: readonly FileChange[];
}

/** What taking back layers does to each file, the last one written first. Reads, and changes nothing. Throws G012. */
export function planBack(site: SetupSite, layers: readonly Layer[]): readonly BackStep[] {
  using root = Root.open(site.root);
  const paths = [...new Set(layers.toReversed().flatMap(({ files }) => files.toReversed().map(({ path }) => path)))];
  return paths.map((name) => {
    const changes = layers.flatMap(({ files }) => files.filter((file) => file.path === name));
    const path = posix.join(site.root, name);
    const before = readIfThere(root, name);
    const { text: after, kind } = withoutChanges(site, path, before, changes);
    return { path, name, kind: before === after ? "kept" : kind, before, after, changes };
  });
}

/**
 * Takes the layers that are meant back, file by file in one step each, and then out of the record; done again, it goes
 * on where it was ended. The caller holds the lock.
 */
export function takeBack(site: SetupSite, isMeant: (layer: Layer) => boolean): readonly BackStep[] {
  const record = readRecord(site.stateDir);
  const steps = planBack(site, record.layers.filter(isMeant));
  for (const step of steps) carryOut(site, step);
  writeRecord(site.stateDir, { ...record, layers: record.layers.filter((layer) => !isMeant(layer)) });
  return steps;
}

interface Without {
  readonly text: string | undefined;
  readonly kind: BackKind;
}

/** The last change is taken back first: what it leads to is what the one before it had made. */
function withoutChanges(
  site: SetupSite,
  path: string,
  before: string | undefined,
  changes: readonly FileChange[],
): Without {
  const digest = before === undefined ? undefined : sha256Of(before);
  const passing = changes.flatMap((change) => change.passing ?? []).find((each) => each.digest === digest);
  if (passing !== undefined) {
    const there = backTo(site, passing.leadsTo);
    return passing.isCleaned ? { ...there, kind: "cleaned" } : there;
  }
  return changes.reduceRight<Without>(
    ({ text, kind }, change) => {
      const next = withoutChange(site, path, text, change);
      if (next === undefined) return { text, kind };
      return { text: next.text, kind: kind === "cleaned" ? kind : next.kind };
    },
    { text: before, kind: "kept" },
  );
}

/** Undefined: there is nothing of this change in the file. */
function withoutChange(
  site: SetupSite,
  path: string,
  text: string | undefined,
  { original, ours, added }: FileChange,
): Without | undefined {
  // Whoever removed the file has taken berth's part with it.
  if (text === undefined) return undefined;
  const digest = sha256Of(text);
  if (ours.includes(digest)) return backTo(site, original);
  if (digest === original) return undefined;
  const cleaned = undoEdit(path, text, added);
  return cleaned === text ? undefined : { text: cleaned, kind: "cleaned" };
}

function backTo({ stateDir }: SetupSite, original: string | undefined): Without {
  if (original === undefined) return { text: undefined, kind: "removed" };
  return { text: Buffer.from(readOriginal(stateDir, original)).toString(), kind: "restored" };
}

function carryOut(site: SetupSite, { path, name, after, changes }: BackStep): void {
  const { root } = site;
  // What another program makes of the file in this very moment stays. Where nothing is to be done, what a killed editor left beside the file goes.
  editFile(name, { root, lock: editLock(site), change: (text) => withoutChanges(site, path, text, changes).text });
  if (after !== undefined) return;
  using whole = Root.open(root);
  const folders = changes.flatMap((change) => change.folders);
  for (const folder of folders.toReversed()) removeEmpty(whole, folder);
}

/** One that holds something, or is a mount, stays. */
function removeEmpty(root: Root, folder: string): void {
  using parent = root.enter(posix.dirname(folder));
  parent?.removeFolder(`/${posix.basename(folder)}`);
}

/** As much as editFile changes. */
const MAX_BYTES = 4 * 1024 * 1024;

function readIfThere(root: Root, path: string): string | undefined {
  const bytes = root.readFile(path, MAX_BYTES);
  return bytes && new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}
