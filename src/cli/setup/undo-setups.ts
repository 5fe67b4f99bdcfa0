import {
  dropCdiFile,
  findTarget,
  holdSetups,
  knowsNone,
  planBack,
  readRecord,
  releaseDocker,
  takeBack,
  type BackKind,
  type BackStep,
  type EngineName,
  type Layer,
  type SetupSite,
  type SetupTarget,
} from "../../engines/index.ts";
import { removeOwn } from "../cdi/refresh-once.ts";
import type { World } from "../context.ts";
import { noteWarnings } from "../note-warnings.ts";
import { printDiff, say } from "./print-plan.ts";
import { agreesToReload, takeOver } from "./take-over.ts";

export interface UndoOptions {
  /** None: all that were set up. */
  readonly names: readonly EngineName[];
  /** Only what `berth setup swarm` did. */
  readonly part?: "swarm" | undefined;
  readonly dryRun?: boolean;
  readonly restart?: boolean;
}

/** `berth setup --undo`: every file as it was before, engine by engine, the last one first. Nothing to take back is no failure. */
export async function undoSetups(world: World, site: SetupSite, options: UndoOptions): Promise<void> {
  if (options.dryRun === true) return showUndo(world, site, options);
  using _ = holdSetups(site);
  const engines = enginesOf(site, options);
  if (engines.length === 0) world.print(nothingFor(options));
  const failures: unknown[] = [];
  for (const engine of engines) {
    await undoEngine(world, site, engine, options).catch((error: unknown) => failures.push(error));
  }
  if (readRecord(site.stateDir).layers.length === 0) dropCdi(world, site);
  if (failures.length > 0) throw failures[0];
}

function nothingFor({ part }: UndoOptions): string {
  return part === undefined ? "nothing is set up\n" : "Swarm was told of nothing\n";
}

/** Whether a setup is to be taken back. */
function isMeant({ names, part }: UndoOptions): (layer: Layer) => boolean {
  return (layer) => (names.length === 0 || names.includes(layer.engine)) && (part === undefined || layer.part === part);
}

function enginesOf({ stateDir }: SetupSite, options: UndoOptions): readonly EngineName[] {
  const all = readRecord(stateDir).layers.filter(isMeant(options));
  return [...new Set(all.toReversed().map(({ engine }) => engine))];
}

function layersOf({ stateDir }: SetupSite, engine: EngineName, options: UndoOptions): readonly Layer[] {
  return readRecord(stateDir).layers.filter((layer) => layer.engine === engine && isMeant(options)(layer));
}

function showUndo(world: World, site: SetupSite, options: UndoOptions): void {
  const engines = enginesOf(site, options);
  if (engines.length === 0) world.print(nothingFor(options));
  for (const engine of engines) {
    for (const step of planBack(site, layersOf(site, engine, options))) printDiff(world, step);
  }
}

const NEWS: Readonly<Record<BackKind, string>> = {
  restored: "is as it was, byte for byte",
  removed: "is gone: berth had made it",
  cleaned: "was changed by others since: only what berth had added is taken out",
  kept: "has nothing of berth in it any more",
};

async function undoEngine(world: World, site: SetupSite, engine: EngineName, options: UndoOptions): Promise<void> {
  const { restart } = options;
  const layers = layersOf(site, engine, options);
  const target = await findTarget(site, engine);
  const steps = planBack(site, layers);
  for (const step of steps) printDiff(world, step);
  const own = steps.find(({ path }) => path === target.docker?.configFile);
  const need = engine === "docker" && own === undefined ? "none" : needAfter(target, layers);
  const mayReload = engine !== "docker" || need === "none" || agreesToReload(world, target, restart === true);
  if (mayReload) for (const step of steps) await release(world, site, target, step);
  for (const { path, kind } of takeBack(site, (layer) => layer.engine === engine && isMeant(options)(layer)))
    say(world, target.title, `${path} ${NEWS[kind]}`);
  const runtimes = layers.flatMap(({ runtime }) => runtime ?? []);
  const taken = await takeOver(world, site, target, {
    need,
    isAgreed: restart === true,
    mayReload,
    isThere: (docker) => knowsNone(docker, runtimes, own?.after),
  });
  if (taken.kind === "failed") noteWarnings(world, [`${target.title} still goes by what was taken back: ${taken.why}`]);
}

async function release(world: World, site: SetupSite, target: SetupTarget, step: BackStep): Promise<void> {
  if (target.docker === undefined || target.docker.configFile !== step.path) return;
  const released = await releaseDocker(site, target.docker, step);
  if (released?.isGood === false)
    noteWarnings(world, [`${target.title} knows the runtime until it is restarted: ${released.why}`]);
}

/** A runtime that a daemon still knows harms nobody, but that containers get it by default, or by name. */
function needAfter({ engine, daemon, docker }: SetupTarget, layers: readonly Layer[]): "reload" | "restart" | "none" {
  if (daemon === undefined) return "none";
  const wasRestart = layers.some(({ activation }) => activation === "restart");
  if (engine !== "docker") return wasRestart ? "restart" : "none";
  const isThere = (docker?.cdiSpecDirs ?? []).length > 0 || (docker?.genericResources ?? []).length > 0;
  return wasRestart && isThere ? "restart" : "reload";
}

function dropCdi(world: World, site: SetupSite): void {
  const { cdiFile } = readRecord(site.stateDir);
  if (cdiFile === undefined) return;
  // What the record of another host's root says is no reason to remove a file of this machine.
  const isOfHost = site.root === "/" || cdiFile.startsWith(`${site.root}/`);
  if (isOfHost && removeOwn(cdiFile) === "removed") say(world, "cdi", `${cdiFile} is gone: berth had made it`);
  dropCdiFile(site);
}
