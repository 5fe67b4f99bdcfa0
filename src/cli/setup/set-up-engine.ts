import { join } from "node:path";
import { BerthError } from "../../base/index.ts";
import {
  isSameLayer,
  neededActivation,
  restartDaemon,
  takeBack,
  writeSetup,
  type Layer,
  type PlannedSetup,
  type SetupSite,
  type SetupTarget,
} from "../../engines/index.ts";
import type { World } from "../context.ts";
import { say } from "./print-plan.ts";
import { takeOver, wished, type TakenOver } from "./take-over.ts";
import { tryContainer } from "./try-container.ts";

export interface EngineSetup {
  readonly planned: PlannedSetup;
  /** Nobody is asked before a restart. */
  readonly isAgreed: boolean;
  /** A container is started. */
  readonly isTried: boolean;
}

/**
 * Writes one engine's files, makes it take them over, and tries it. Throws what stands in the way; then its files are
 * as they were, but for a container that does not reach a GPU.
 */
export async function setUpEngine(
  world: World,
  site: SetupSite,
  { planned: first, isAgreed, isTried }: EngineSetup,
): Promise<void> {
  const { planned, layer } = writeSetup(site, first);
  const { target, wish } = planned;
  for (const { path } of planned.changes) say(world, target.title, `wrote ${join(target.fileRoot, path)}`);
  const need = neededActivation(planned, site.scene.proc);
  const taken = await takeOver(world, site, target, { need, isAgreed, isThere: wished(wish) });
  if (taken.kind === "failed") throw await giveBack(site, { planned, layer, taken });
  const silence = site.isOnMachine
    ? target.silence
    : `it is the engine of the root "${site.root}", not of this machine`;
  if (silence !== undefined) return say(world, target.title, `not tried: ${silence}`);
  if (taken.kind === "done" && isTried) await tryContainer(world, site, planned);
}

interface Failed {
  readonly planned: PlannedSetup;
  readonly layer: Layer | undefined;
  readonly taken: Extract<TakenOver, { kind: "failed" }>;
}

/** Gives an engine its old files again, and says both what was wrong and whether it runs. */
async function giveBack(site: SetupSite, { planned: { target }, layer, taken }: Failed): Promise<BerthError> {
  const steps = layer === undefined ? [] : takeBack(site, (each) => isSameLayer(each, layer));
  const files = steps.map(({ path }) => `"${path}"`).join(" and ");
  const state = files === "" ? "its files are as they were" : `${files} ${steps.length === 1 ? "is" : "are"} as before`;
  const runs = await goesOn(site, target, taken);
  return new BerthError({
    code: "BERTH-G015",
    message: `Cannot set up ${target.engine}: ${taken.why}; ${state}, and ${runs}`,
    remedy:
      taken.unit === undefined
        ? "look at what the daemon says, where it was started"
        : `look at what it says: journalctl --unit ${taken.unit.name}`,
  });
}

/** A daemon that refused to read its file again goes on with what it knew; one that was to be restarted is started with the old file. */
async function goesOn(site: SetupSite, target: SetupTarget, { by, unit }: Failed["taken"]): Promise<string> {
  if (by === "reload" || unit === undefined) return "it goes on as it did";
  const again = await restartDaemon(site, target, unit, () => true);
  return again.isGood ? "it runs again" : `it does not come back with that either: ${again.why}`;
}
