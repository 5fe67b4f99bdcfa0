import { entriesAt, isTable, textAt, textsOf, valueAt } from "../any-value.ts";
import { SWARM_KEY } from "../swarm-entries.ts";
import type { EngineFile, RuntimeSettings } from "./settings.ts";

/** What a daemon.json says (docker/cli, docs/reference/dockerd.md). */
export function dockerRuntimes({ path, top }: EngineFile): RuntimeSettings {
  const runtimes = entriesAt(top, "runtimes").map(([name, value]) => {
    return { name, file: path, program: isTable(value) ? textAt(value, "path") : undefined };
  });
  const name = textAt(top, "default-runtime");
  return {
    runtimes,
    chosen: name === undefined ? undefined : { name, file: path },
    builtIn: /^runc$|^io\.containerd\./,
  };
}

/** Whether it switches CDI on. */
export function wantsCdi({ top }: Pick<EngineFile, "top">): boolean {
  return valueAt(top, "features", "cdi") === true;
}

/** What it offers to Swarm: "NVIDIA-GPU=GPU-8dc…". */
export function swarmEntries({ top }: Pick<EngineFile, "top">): readonly string[] {
  return textsOf(valueAt(top, SWARM_KEY)) ?? [];
}
