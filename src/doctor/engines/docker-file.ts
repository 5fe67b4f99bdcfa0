import { readEngineFile, type EngineFile, type RunningDocker } from "../../engines/index.ts";
import type { Scene } from "../scene.ts";

/** The daemon.json of this machine's dockerd. */
export interface DockerFile {
  readonly path: string;
  /** Undefined: there is none. */
  readonly file: EngineFile | undefined;
  /** Undefined: it does not run, or does not answer. */
  readonly running: RunningDocker | undefined;
}

/** Undefined: the dockerd that answers is not this machine's own. Throws T001. */
export async function openDockerFile(scene: Scene): Promise<DockerFile | undefined> {
  const asked = await scene.docker();
  const running = asked.isGood ? asked.engine : undefined;
  if (running?.kind === "desktop" || running?.kind === "remote") return undefined;
  const path = running?.configFile ?? scene.files.place("/etc/docker/daemon.json");
  return { path, file: readEngineFile("json", path), running };
}
