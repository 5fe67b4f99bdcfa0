import { escapeControls } from "./error.ts";

/** What terminals have that nobody has widened. */
const WIDTH = 80;

export interface WrapOptions {
  /** Columns that the first line starts in. */
  readonly first: number;
  /** Columns that the others start in. */
  readonly others: number;
  /** Where a line may end; a blank. */
  readonly at?: RegExp;
}

/** Where a text with commands may be broken: a command in it stays on one line, so that it can be copied. */
export const BESIDE_COMMANDS = /(?<=[,;:.]) /;

/** A text as lines of 80 columns with their indentation, safe to print. A word that is longer stays whole. */
export function wrapText(text: string, { first, others, at = / / }: WrapOptions): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of escapeControls(text).split(at)) {
    const indent = lines.length === 0 ? first : others;
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent + Bun.stringWidth(longer) > WIDTH) {
      lines.push(" ".repeat(indent) + line);
      line = word;
    } else line = longer;
  }
  return [...lines, " ".repeat(lines.length === 0 ? first : others) + line];
}
