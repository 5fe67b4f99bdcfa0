import { escapeControls } from "../../base/index.ts";
import { diffOf } from "../../engines/index.ts";
import { isColoured } from "../ask-user.ts";
import type { World } from "../context.ts";

interface Shown {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** One line of news about an engine. */
export function say({ print }: Pick<World, "print">, title: string, news: string): void {
  print(`${escapeControls(`${title}: ${news}`)}\n`);
}

/** The change of a file, in colours where somebody looks. */
export function printDiff({ print, env }: Pick<World, "print" | "env">, shown: Shown): void {
  const diff = diffOf(shown);
  print(isColoured(env) ? diff.replaceAll(/^.*$/gm, colour) : diff);
}

const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^(?:---|\+\+\+) /, "1"],
  [/^@@/, "36"],
  [/^\+/, "32"],
  [/^-/, "31"],
];

function colour(line: string): string {
  const found = COLOURS.find(([pattern]) => pattern.test(line));
  return found === undefined ? line : `\u001b[${found[1]}m${line}\u001b[0m`;
}
