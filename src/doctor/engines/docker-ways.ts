import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { GPUS_HOOK, type RunningDocker } from "../../engines/index.ts";
import { searchPathIn } from "../../linux/index.ts";
import { openFiles } from "../files.ts";
import type { Scene } from "../scene.ts";

const SHIM = "nvidia-container-runtime";

/** Whether a dockerd has any way to give a container GPUs: a runtime for it, CDI, or the hook in its PATH. */
export function hasWay(scene: Scene, { runtimes, cdiSpecDirs, process }: RunningDocker): boolean {
  return cdiSpecDirs.length > 0 || [...runtimes].some(isOurs) || process === undefined || hasHook(scene, process.pid);
}

/** Whose variables nobody may read is taken to have it. */
function hasHook({ files, isSimulated }: Scene, pid: number): boolean {
  // What serves a simulated host is a process of this machine.
  const place = `/proc/${pid}/environ`;
  const variables = files.text(place) ?? (isSimulated ? openFiles("/").text(place) : undefined);
  const folders = searchPathIn(variables ?? "");
  return folders?.some((folder) => existsSync(join(folder, GPUS_HOOK))) ?? true;
}

function isOurs([name, path]: readonly [string, string]): boolean {
  return name === "nvidia" || basename(path).startsWith(SHIM);
}
