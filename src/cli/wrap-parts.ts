import { isatty } from "node:tty";
import { BESIDE_COMMANDS, wrapText } from "../base/index.ts";

/** `name:  text`, a line each. */
const PART = /^([a-z][a-z ]*): +/;

/** Parts that are a line each for another program; where somebody looks, a long one goes on below its own text. */
export function partsForReader(text: string): string {
  return isatty(1) ? wrapParts(text) : text;
}

export function wrapParts(text: string): string {
  return text.split("\n").flatMap(wrapPart).join("\n");
}

function wrapPart(line: string): readonly string[] {
  const [head = "", name] = PART.exec(line) ?? [];
  if (head === "") return [line];
  const column = head.length;
  const [first = "", ...others] = wrapText(line.slice(column), {
    first: column,
    others: column,
    ...(name === "remedy" ? { at: BESIDE_COMMANDS } : {}),
  });
  return [head + first.slice(column), ...others];
}
