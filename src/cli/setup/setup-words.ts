import { BerthError, nearest } from "../../base/index.ts";
import { ENGINE_NAMES, isEngineName, type EngineName } from "../../engines/index.ts";

/** How users call them, too. */
const ALIASES: ReadonlyMap<string, EngineName> = new Map([
  ["crio", "cri-o"],
  ["dockerd", "docker"],
]);

/** The engines that words name, each once. Throws U001. */
export function readEngines(words: readonly string[]): readonly EngineName[] {
  return [...new Set(words.map(readEngine))];
}

function readEngine(word: string): EngineName {
  const name = ALIASES.get(word.toLowerCase()) ?? word.toLowerCase();
  if (isEngineName(name)) return name;
  const near = nearest(word, ENGINE_NAMES);
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot set up ${JSON.stringify(word.slice(0, 64))}: berth knows no such engine${near === undefined ? "" : `; did you mean "${near}"?`}`,
    remedy: `name one of ${ENGINE_NAMES.join(", ")}`,
  });
}
