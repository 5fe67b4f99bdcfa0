import { BerthError, escapeControls } from "../../base/index.ts";
import { askDocker, type DockerKind, findClient } from "../../engines/index.ts";
import type { EngineSearch, FoundEngine } from "./engine.ts";

/** The docker of the caller's PATH and the dockerd that it speaks to: whether it answers, and knows the runtime. */
export async function findDocker({ scene, runtime }: EngineSearch): Promise<FoundEngine> {
  const client = findClient("docker", scene);
  if (client === undefined) return { isGood: false, isThere: false, isInstalled: false, error: notInstalled() };
  const asked = await askDocker({ ...scene, root: "/" });
  if (!asked.isGood)
    return { isGood: false, isThere: false, isInstalled: true, error: noAnswer(asked.why), silence: asked.why };
  const { runtimes, kind, endpoint } = asked.engine;
  const program = runtimes.get(runtime);
  if (program === undefined)
    return { isGood: false, isThere: true, isInstalled: true, error: noRuntime(runtime, endpoint) };
  return { isGood: true, engine: { name: "docker", client, runtime, program, obstacle: obstacleOf(kind) } };
}

function obstacleOf(kind: DockerKind): string | undefined {
  switch (kind) {
    case "system":
    case "snap":
      return undefined;
    case "rootless":
      return "dockerd runs without root, and the leases are root's";
    case "desktop":
      return "docker's containers are in a virtual machine";
    case "remote":
      return "docker's containers are on another machine";
  }
}

function notInstalled(): BerthError {
  return new BerthError({
    code: "BERTH-A040",
    message: 'Cannot start a container: there is no "docker" in PATH',
    remedy: "install docker, or name another engine: --engine podman",
  });
}

function noAnswer(why: string): BerthError {
  return new BerthError({
    code: "BERTH-A041",
    message: `Cannot start a container: docker does not answer: ${why}`,
    remedy: "start its daemon, or name another engine: --engine podman",
  });
}

function noRuntime(runtime: string, endpoint: string): BerthError {
  return new BerthError({
    code: "BERTH-A042",
    message: `Cannot start a container with GPUs: the dockerd at ${escapeControls(endpoint)} knows no runtime "${escapeControls(runtime)}"`,
    remedy: "berth setup docker",
  });
}
