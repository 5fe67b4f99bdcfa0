import type { Line } from "../gpus/paint.ts";
import { SORTS } from "./table-rows.ts";

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["q, Ctrl-C", "quit"],
  ["h, ?", "this page"],
  ["↑ ↓, j k", "choose a line; Page, Home (g) and End (G) go further; Escape chooses none"],
  ["o, F6", "sort, with a letter:"],
  ["r", "the other way round"],
  ["/", "show only lines with a text: user, container, image, project, command, process; Escape takes it back"],
  ["t", "processes below their containers, or one list"],
  ["T, K", "send SIGTERM or SIGKILL to the chosen process, after a question"],
  ["a, f, c", "GPUs as high as fits, with graphs, one line each"],
  ["Ctrl-L", "draw everything anew"],
];

const COLOURS = "Green, yellow, red: below 10 %, from 10 %, from 75 % of work or 80 % of memory. Dim: of other users.";

/** What the keys do. */
export function helpLines(columns: number): readonly Line[] {
  const widest = Math.max(...KEYS.map(([keys]) => Bun.stringWidth(keys)));
  const room = Math.max(10, columns - widest - 5);
  const sorts = Object.values(SORTS).map(({ letter, title }) => `${letter} ${title}`);
  const lines = KEYS.flatMap(([keys, what]): readonly Line[] => {
    const text = keys.startsWith("o,") ? `${what} ${sorts.join(", ")}` : what;
    return wrap(text, room).map((part, at): Line => [
      { text: `  ${at === 0 ? keys : ""}${" ".repeat(widest - (at === 0 ? Bun.stringWidth(keys) : 0))}`, style: "strong" },
      { text: `  ${part}` },
    ]);
  }); // prettier-ignore
  const colours = wrap(COLOURS, columns - 3);
  return [[], ...lines, [], ...colours.map((part): Line => [{ text: `  ${part}`, style: "dim" }])];
}

/** In lines of at most so many columns, broken at blanks. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && Bun.stringWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
