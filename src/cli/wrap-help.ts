import { wrapText } from "../base/index.ts";

/** A row of a table: its first columns, and then two blanks or more before the text. */
const ROW = /^ +(?:-\w +)?(?:\S| (?! ))+ {2,}(?=\S)/;
/** A usage line is broken before an option or a parameter, never in one. */
const USAGE = / (?=[[(<])/;

/** Help as a terminal of 80 columns shows it well: what is longer goes on below its own column. */
export function wrapHelp(help: string): string {
  return help
    .split("\n")
    .flatMap((line) => (line.length > 80 ? wrapLine(line) : [line]))
    .join("\n");
}

function wrapLine(line: string): readonly string[] {
  if (line.startsWith("  berth ")) return wrapText(line.trimStart(), { first: 2, others: 6, at: USAGE });
  const column = ROW.exec(line)?.[0].length ?? 0;
  const [first = "", ...others] = wrapText(line.slice(column).replaceAll(/ {2,}/g, " "), {
    first: column,
    others: column,
  });
  return [line.slice(0, column) + first.slice(column), ...others];
}
