import { join } from "node:path";
import { BerthError } from "../base/index.ts";
import {
  findTargets,
  holdSetups,
  planSetup,
  type EngineWish,
  type PlannedSetup,
  type SetupSite,
} from "../engines/index.ts";
import { effectiveUid } from "../linux/index.ts";
import { describeRefreshed } from "./cdi/describe-refreshed.ts";
import { noteWarnings } from "./note-warnings.ts";
import { refreshOnce } from "./cdi/refresh-once.ts";
import type { World } from "./context.ts";
import { doubtRuntime } from "./setup/doubt-runtime.ts";
import { findRuntime } from "./setup/find-runtime.ts";
import { printDiff, say } from "./setup/print-plan.ts";
import { setUpEngine, type EngineSetup } from "./setup/set-up-engine.ts";
import { announceCdiFile, findSetupSite } from "./setup/setup-site.ts";
import { readWords } from "./setup/setup-words.ts";
import { swarmWishOf } from "./setup/swarm-wish.ts";
import { undoSetups } from "./setup/undo-setups.ts";

interface Flags {
  readonly default?: boolean;
  readonly cdi?: boolean;
  readonly dryRun?: boolean;
  readonly restart?: boolean;
  readonly noTrial?: boolean;
  readonly undo?: boolean;
  readonly runtime?: string;
  readonly kind?: string;
}

/** `berth setup`: the engines of a machine are told of berth's runtime, take it over, and are tried; or with --undo everything is taken back. */
export async function setUp(this: World, flags: Flags, ...words: readonly string[]): Promise<void> {
  const { names, part } = readWords(words);
  checkFlags(flags, part);
  const site = findSetupSite(this);
  if (flags.undo === true) return undoSetups(this, site, { ...flags, names, part });
  const wish = part === "swarm" ? wishForSwarm(this, site, flags) : wishOf(this, site, flags);
  const { targets, notes } = await findTargets(site, names);
  noteWarnings(this, notes);
  // All are planned before the first is written: a file that cannot be read stops everything.
  const plans = targets.map((target) => planSetup(target, wish));
  for (const planned of plans) showPlan(this, planned);
  if (flags.dryRun === true) return;
  using _ = holdSetups(site);
  if (flags.cdi === true) await makeCdi(this, site);
  await setUpAll(this, site, plans, { isAgreed: flags.restart === true, isTried: flags.noTrial !== true });
}

function checkFlags({ undo, default: isDefault, cdi, runtime, kind }: Flags, part: "swarm" | undefined): void {
  if (part === undefined && kind !== undefined) throw wrong(KIND_ALONE, "berth setup swarm --kind NAME");
  if (part === "swarm" && cdi === true) throw wrong(SWARM_AND_CDI, "berth setup docker --cdi");
  if (undo !== true || (isDefault !== true && cdi !== true && runtime === undefined && kind === undefined)) return;
  throw wrong(
    "Cannot take back and set up at once: --undo takes no --default, --cdi, --kind or --runtime",
    "berth setup --undo [ENGINE…], then berth setup with what is wanted",
  );
}

const KIND_ALONE = "Cannot use --kind for an engine: it is what Swarm calls a GPU";
const SWARM_AND_CDI = "Cannot use --cdi for Swarm: its tasks name no CDI devices";

function wrong(message: string, remedy: string): BerthError {
  return new BerthError({ code: "BERTH-U001", message, remedy });
}

/** Swarm's tasks name no runtime. */
function wishForSwarm(world: World, site: SetupSite, flags: Flags): EngineWish {
  const swarm = swarmWishOf(world, site, flags.kind);
  return { ...wishOf(world, site, { ...flags, default: true }), swarm };
}

/** A runtime is told of in any case: one that nobody asks for changes nothing. */
function wishOf(world: World, site: SetupSite, flags: Flags): EngineWish {
  const path = findRuntime({ ...site, named: flags.runtime }, world);
  // Without root only the user's own engines start it.
  const doubt = site.isOnMachine && effectiveUid() === 0 ? doubtRuntime(path) : undefined;
  if (doubt !== undefined) noteWarnings(world, [doubt]);
  return { runtime: { name: "nvidia", path, isDefault: flags.default === true }, cdi: flags.cdi === true };
}

function showPlan(world: World, { target, changes, notes }: PlannedSetup): void {
  if (changes.length === 0) say(world, target.title, "its files say everything already");
  for (const change of changes) printDiff(world, { ...change, path: join(target.fileRoot, change.path) });
  noteWarnings(world, notes);
}

async function makeCdi(world: World, site: SetupSite): Promise<void> {
  announceCdiFile(site);
  const refreshed = await refreshOnce(world, {});
  if ("warnings" in refreshed) noteWarnings(world, refreshed.warnings);
  world.print(describeRefreshed(refreshed));
}

/** What one engine refuses is no reason to leave out the others; the first refusal is the command's. */
async function setUpAll(
  world: World,
  site: SetupSite,
  plans: readonly PlannedSetup[],
  how: Omit<EngineSetup, "planned">,
): Promise<void> {
  const failures: unknown[] = [];
  for (const planned of plans) {
    await setUpEngine(world, site, { planned, ...how }).catch((error: unknown) => failures.push(error));
  }
  for (const failure of failures.slice(1)) noteWarnings(world, [BerthError.from(failure).message]);
  if (failures.length > 0) throw failures[0];
}
