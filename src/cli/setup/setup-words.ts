import { BerthError, nearest } from "../../base/index.ts";
import { ENGINE_NAMES, isEngineName, type EngineName } from "../../engines/index.ts";

/** How users call them, too. */
const ALIASES: ReadonlyMap<string, EngineName> = new Map([
  ["crio", "cri-o"],
  ["dockerd", "docker"],
]);

/** What the words of `berth setup` name. */
export interface SetupWords {
  readonly names: readonly EngineName[];
  /** What of Docker is told of GPUs beside its containers. */
  readonly part: "swarm" | undefined;
}

/** Swarm is Docker's, and is set up by itself. Throws U001. */
export function readWords(words: readonly string[]): SetupWords {
  if (!words.some((word) => word.toLowerCase() === SWARM)) return { names: readEngines(words), part: undefined };
  if (words.length === 1) return { names: ["docker"], part: SWARM };
  throw new BerthError({
    code: "BERTH-U001",
    message: "Cannot set up swarm together with engines: it is Docker's, and stands alone",
    remedy: "berth setup swarm",
  });
}

const SWARM = "swarm";

/** The engines that words name, each once. Throws U001. */
export function readEngines(words: readonly string[]): readonly EngineName[] {
  return [...new Set(words.map(readEngine))];
}

function readEngine(word: string): EngineName {
  const name = ALIASES.get(word.toLowerCase()) ?? word.toLowerCase();
  if (isEngineName(name)) return name;
  const near = nearest(word, [...ENGINE_NAMES, SWARM]);
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot set up ${JSON.stringify(word.slice(0, 64))}: berth knows no such engine${near === undefined ? "" : `; did you mean "${near}"?`}`,
    remedy: `name one of ${ENGINE_NAMES.join(", ")}, or swarm`,
  });
}
