import { join } from "node:path";
import { BerthError, sha256Of } from "../../base/index.ts";
import { editFile } from "../../linux/index.ts";
import { editLock, missingFolders, recordPath } from "./config-place.ts";
import { planSetup, type PlannedChange, type PlannedSetup } from "./plan-setup.ts";
import type { FileChange, Layer } from "./layer.ts";
import { keepOriginal, readRecord, writeRecord } from "./setup-record.ts";
import type { SetupSite } from "./setup-site.ts";
import { takeBack } from "./take-back.ts";
import { validate } from "./validate.ts";

/** How often a setup begins again because somebody changed a file meanwhile. */
const ROUNDS = 5;

/** What was written, and how it stands in the record. */
export interface WrittenSetup {
  readonly planned: PlannedSetup;
  /** Undefined: there was nothing to write. */
  readonly layer: Layer | undefined;
}

/**
 * Writes what is planned: what the files held, and what is going to be done to them, goes into the record first, so
 * that a kill at any moment leaves something that can be taken back; then each file in one step, after its engine has
 * judged it. What was written before a failure is taken back. The caller holds the lock. Throws G012, G014, G019 and
 * what `editFile` throws.
 */
export function writeSetup(site: SetupSite, first: PlannedSetup): WrittenSetup {
  let planned = first;
  for (const path of first.files) tidy(site, first, path);
  for (let round = 1; round <= ROUNDS; round += 1) {
    if (planned.changes.length === 0) return { planned, layer: undefined };
    const layer = layerOf(site, planned);
    const record = readRecord(site.stateDir);
    writeRecord(site.stateDir, { ...record, layers: [...record.layers, layer] });
    try {
      for (const change of planned.changes) writeOne(site, planned, change);
      return { planned, layer };
    } catch (thrown) {
      takeBack(site, (each) => isSameLayer(each, layer));
      if (!(thrown instanceof ChangedMeanwhile)) throw thrown;
    }
    planned = planSetup(planned.target, planned.wish);
  }
  throw restless(planned);
}

function layerOf(site: SetupSite, { target, wish, changes, activation }: PlannedSetup): Layer {
  return {
    engine: target.engine,
    at: site.now().toISOString(),
    activation,
    runtime: wish.runtime,
    ...(wish.swarm === undefined ? {} : { part: "swarm" }),
    files: changes.map((change) => fileChangeOf(site, target.fileRoot, change)),
  };
}

function fileChangeOf(site: SetupSite, fileRoot: string, { path, before, after, added }: PlannedChange): FileChange {
  return {
    path: recordPath(site, fileRoot, path),
    original: before === undefined ? undefined : keepOriginal(site.stateDir, Buffer.from(before)),
    ours: [sha256Of(after)],
    folders: missingFolders(join(fileRoot, path)).map((folder) => recordPath(site, "/", folder)),
    added,
  };
}

/** Whether a layer of the record is this one. */
export function isSameLayer(layer: Layer, other: Layer): boolean {
  return layer.engine === other.engine && layer.at === other.at;
}

/** An editor that was killed may have left something beside a file that needs no change any more. */
function tidy(site: SetupSite, { target }: PlannedSetup, path: string): void {
  editFile(path, { root: target.fileRoot, lock: editLock(site), change: (text) => text });
}

/** Somebody changed the file after it was read: what was planned no longer holds. */
class ChangedMeanwhile extends Error {}

function writeOne(site: SetupSite, { target }: PlannedSetup, { path, before, after, isForeign }: PlannedChange): void {
  editFile(path, {
    root: target.fileRoot,
    lock: editLock(site),
    makeParents: true,
    change: (text) => {
      if (text !== before) throw new ChangedMeanwhile(path);
      return after;
    },
    ...(isForeign ? {} : { validate: (candidate: string) => validate(target, join(target.fileRoot, path), candidate) }),
  });
}

function restless({ target, changes }: PlannedSetup): BerthError {
  const files = changes.map(({ path }) => `"${join(target.fileRoot, path)}"`).join(", ");
  return new BerthError({
    code: "BERTH-G019",
    message: `Cannot set up ${target.engine}: another program changed ${files} each of ${ROUNDS} times while it was being written`,
    remedy:
      "end that program (a configuration manager?), or let it write these settings itself: berth setup --dry-run shows them",
  });
}
