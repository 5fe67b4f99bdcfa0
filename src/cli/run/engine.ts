import type { BerthError } from "../../base/index.ts";
import type { ClientScene } from "../../engines/index.ts";

export const RUN_ENGINES = ["docker", "podman"] as const;
export type RunEngineName = (typeof RUN_ENGINES)[number];

/** An engine that can start a container with a runtime that gives GPUs. */
export interface RunEngine {
  readonly name: RunEngineName;
  /** Its client. */
  readonly client: string;
  /** As its client is told. */
  readonly runtime: string;
  /** The runtime's program, as the engine says it; "": it does not. */
  readonly program: string;
  /** Why a lease that is taken here would say nothing to its containers; undefined: it does. */
  readonly obstacle: string | undefined;
}

/** `isThere`: it is this user's, and what it lacks is what is to be said; else another engine may do. `silence`: why it does not answer. */
export type FoundEngine =
  | { readonly isGood: true; readonly engine: RunEngine }
  | {
      readonly isGood: false;
      readonly isThere: boolean;
      readonly isInstalled: boolean;
      readonly error: BerthError;
      readonly silence?: string;
    };

export interface EngineSearch {
  readonly scene: ClientScene;
  /** The name of the runtime that is to be used. */
  readonly runtime: string;
  /** A runtime's program for an engine that has to be told one; undefined: there is none. */
  readonly ownRuntime: string | undefined;
}

/** What the container's variable is to be is in the client's own: a lease's id among the words could be read by every user of the machine. */
export const RUN_VARIABLE = "NVIDIA_VISIBLE_DEVICES";

/** The words that start a container: those of the engine itself, then `run` and what is behind it. `isNamed`: the user's words name the runtime. */
export function runWords({ name, runtime }: Pick<RunEngine, "name" | "runtime">, isNamed: boolean): readonly string[] {
  const variable = ["--env", RUN_VARIABLE];
  // For podman it is an option of the whole program, and `run` knows none.
  if (name === "podman") return ["--runtime", runtime, "run", ...variable];
  return ["run", ...(isNamed ? [] : ["--runtime", runtime]), ...variable];
}
