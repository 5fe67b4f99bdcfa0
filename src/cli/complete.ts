import { proposeCompletions, type Application } from "@stricli/core";
import type { World } from "./context.ts";

const GLOBAL_OPTIONS = [
  ["--root", "Describe the host under a folder"],
  ["--debug", "Show the causes of an error"],
  ["--help", "Print help information and exit"],
] as const;

interface Proposal {
  readonly completion: string;
  readonly brief: string;
}

/**
 * `berth complete -- WORD…`, for the completions of the shells: what the last word could become, a line each, a tab,
 * and what it is for. Nothing where berth knows nothing, so that a shell offers files. The words as a shell has them;
 * bash makes three of `--mode=auto`.
 */
export async function complete(application: Application<World>, args: readonly string[], world: World): Promise<void> {
  const { words, before } = splitWords(args[0] === "--" ? args.slice(1) : args);
  const proposals = await propose(application, words, world);
  for (const { completion, brief } of proposals) world.print(`${before}${completion}\t${brief}\n`);
}

interface Words {
  /** Options and their values apart; the last one is to be completed. */
  readonly words: readonly string[];
  /** What stands before the last word without a blank: `--mode=`. */
  readonly before: string;
}

function splitWords(args: readonly string[]): Words {
  // Of bash: an equals sign as a word of its own, which is empty when the cursor is behind it.
  const plain = args.flatMap((word, at) => (word !== "=" ? [word] : at === args.length - 1 ? [""] : []));
  const split = plain.map((word) => /^(--[\w-]+)=(.*)$/.exec(word)?.slice(1) ?? [word]);
  const last = split.at(-1) ?? [];
  return { words: split.flat(), before: last.length === 2 ? `${last[0]}=` : "" };
}

async function propose(
  application: Application<World>,
  words: readonly string[],
  world: World,
): Promise<readonly Proposal[]> {
  const rest = withoutGlobalOptions(words);
  const [last] = rest;
  if (last === undefined) return [];
  const proposed = await proposeCompletions(application, rest, world);
  if (rest.length > 1 || !last.startsWith("-")) return proposed;
  return GLOBAL_OPTIONS.filter(([name]) => name.startsWith(last)).map(([completion, brief]) => ({ completion, brief }));
}

/** Of what stands before a command the word that is being written is left alone; [] where that is the folder behind --root. */
function withoutGlobalOptions(words: readonly string[]): readonly string[] {
  if (words.length > 1 && words[0] === "--debug") return withoutGlobalOptions(words.slice(1));
  if (words.length > 1 && words[0] === "--root") return withoutGlobalOptions(words.slice(2));
  return words;
}
