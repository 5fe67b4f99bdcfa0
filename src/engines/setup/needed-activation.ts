import { statSync } from "node:fs";
import { join } from "node:path";
import { compareVersions } from "../../base/index.ts";
import type { RunningDocker } from "../running/docker.ts";
import type { EngineWish } from "../wish.ts";
import { hasSwarmEntries } from "../swarm-entries.ts";
import { startedMs } from "../running/daemon-process.ts";
import { knows } from "./activate.ts";
import type { PlannedSetup } from "./plan-setup.ts";

/** A file's time, and the kernel's counting of a process's start, are within a second of each other. */
const TOLERANCE_MS = 1000;
const FIRST_WITH_CDI = "25.0";

/** What a daemon needs until what its files say counts, whoever wrote them: an earlier setup may have left it undone. */
export function neededActivation(planned: PlannedSetup, proc?: string): "reload" | "restart" | "none" {
  const { target, wish, activation } = planned;
  if (target.daemon === undefined && target.docker === undefined) return "none";
  if (target.engine !== "docker") return activation === "restart" || isOlder(planned, proc) ? "restart" : "none";
  const { docker } = target;
  if (docker === undefined) return activation;
  if (activation === "restart" || lacksWhatIsReadAtStart(docker, wish)) return "restart";
  return knows(docker, wish) ? "none" : "reload";
}

function lacksWhatIsReadAtStart(
  { cdiSpecDirs, version, genericResources }: RunningDocker,
  { cdi, swarm }: EngineWish,
): boolean {
  const isCdiOff = cdi && cdiSpecDirs.length === 0 && compareVersions(version, FIRST_WITH_CDI) >= 0;
  return isCdiOff || (swarm !== undefined && !hasSwarmEntries(genericResources, swarm));
}

/** Whether a daemon was started before one of its files was written. */
function isOlder({ target: { daemon, fileRoot }, files }: PlannedSetup, proc?: string): boolean {
  if (daemon === undefined) return false;
  const started = startedMs(daemon, proc);
  const times = files.map((path) => statSync(join(fileRoot, path), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return times.some((time) => time > started + TOLERANCE_MS);
}
