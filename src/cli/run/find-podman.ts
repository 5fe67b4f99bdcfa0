import { BerthError, escapeControls } from "../../base/index.ts";
import { askClient, findClient } from "../../engines/index.ts";
import type { EngineSearch, FoundEngine } from "./engine.ts";

/** The podman of the caller's PATH. Where its files know no such runtime it is told the program of ours. */
export function findPodman({ scene, runtime, ownRuntime }: EngineSearch): FoundEngine {
  const client = findClient("podman", scene);
  if (client === undefined) return { isGood: false, isThere: false, isInstalled: false, error: notInstalled() };
  // podman has no daemon, so it says what its files say, whichever of them count for this user. It fails for a runtime that none of them names.
  const said = askClient([client, "--runtime", runtime, "info", "--format", "{{.Host.OCIRuntime.Path}}"], scene);
  const named = said.isGood ? { runtime, program: said.text.trim() } : undefined;
  const own = ownRuntime === undefined ? undefined : { runtime: ownRuntime, program: ownRuntime };
  const chosen = named ?? own;
  if (chosen === undefined) {
    const error = noRuntime(runtime, said.isGood ? "" : said.why);
    return { isGood: false, isThere: true, isInstalled: true, error };
  }
  const isElsewhere = ["CONTAINER_HOST", "CONTAINER_CONNECTION"].some((name) => (scene.env(name) ?? "") !== "");
  const obstacle = isElsewhere ? "podman's containers are on another machine" : undefined;
  return { isGood: true, engine: { name: "podman", client, ...chosen, obstacle } };
}

function notInstalled(): BerthError {
  return new BerthError({
    code: "BERTH-A040",
    message: 'Cannot start a container: there is no "podman" in PATH',
    remedy: "install podman, or name another engine: --engine docker",
  });
}

function noRuntime(runtime: string, why: string): BerthError {
  return new BerthError({
    code: "BERTH-A042",
    message: `Cannot start a container with GPUs: podman has no runtime "${escapeControls(runtime)}" (${escapeControls(why)}), and beside berth there is none`,
    remedy: "berth setup podman",
  });
}
