import { BerthError } from "../../base/index.ts";
import { noteWarnings } from "../note-warnings.ts";
import type { World } from "../context.ts";
import type { EngineSearch, RunEngine, RunEngineName } from "./engine.ts";
import { findDocker } from "./find-docker.ts";
import { findPodman } from "./find-podman.ts";

/** The engine that is named; else docker where its daemon answers, else podman. Throws BERTH-A040 to A042. */
export async function chooseEngine(
  named: RunEngineName | undefined,
  search: EngineSearch,
  world: Pick<World, "note">,
): Promise<RunEngine> {
  if (named === "podman") return good(findPodman(search));
  const docker = await findDocker(search);
  if (docker.isGood || docker.isThere || named === "docker") return good(docker);
  const podman = findPodman(search);
  if (!podman.isGood && !podman.isInstalled) throw docker.isInstalled ? docker.error : neither();
  if (docker.silence !== undefined && podman.isGood)
    noteWarnings(world, [`podman starts it, as docker does not answer: ${docker.silence}`]);
  return good(podman);
}

function good(found: ReturnType<typeof findPodman>): RunEngine {
  if (found.isGood) return found.engine;
  throw found.error;
}

function neither(): BerthError {
  return new BerthError({
    code: "BERTH-A040",
    message: 'Cannot start a container: there is neither "docker" nor "podman" in PATH',
    remedy: "install one of them",
  });
}
