/** Lines that stay around a change. */
const CONTEXT = 3;
/** A change of more lines than this is shown as one block: comparing each with each would take too long. */
const MAX_LINES = 2000;
const NO_NEWLINE = "\\ No newline at end of file";

type Line = readonly [" " | "-" | "+", string];

/**
 * How one text becomes another, as `diff -u` writes it; empty: they are equal. Undefined stands for a file that is not
 * there. Control characters but tabs are spelled out by `escape`, line by line.
 */
export function unifiedDiff(
  path: string,
  { before, after }: { readonly before: string | undefined; readonly after: string | undefined },
  escape: (line: string) => string = (line) => line,
): string {
  if (before === after) return "";
  const lines = compareLines(splitLines(before ?? ""), splitLines(after ?? ""));
  const head = [`--- ${before === undefined ? "/dev/null" : path}`, `+++ ${after === undefined ? "/dev/null" : path}`];
  const body = hunksOf(lines).flatMap(({ from, to }) => [
    headOf(lines, from, to),
    ...lines.slice(from, to).flatMap(([mark, text]) => formatLine(mark, text, escape)),
  ]);
  return [...head, ...body].map((line) => `${line}\n`).join("");
}

/** With their ends, so that a last line without one is another line. */
function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function formatLine(mark: string, text: string, escape: (line: string) => string): readonly string[] {
  if (text.endsWith("\n")) return [`${mark}${shown(text.slice(0, -1), escape)}`];
  return [`${mark}${shown(text, escape)}`, NO_NEWLINE];
}

/** A tab is layout, and shows nothing else than it is. */
function shown(text: string, escape: (line: string) => string): string {
  return text.split("\t").map(escape).join("\t");
}

function compareLines(old: readonly string[], made: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < Math.min(old.length, made.length) && old[start] === made[start]) start++;
  let tail = 0;
  const shorter = Math.min(old.length, made.length) - start;
  while (tail < shorter && old.at(-1 - tail) === made.at(-1 - tail)) tail++;

  return [
    ...old.slice(0, start).map(keep),
    ...compareMiddles(old.slice(start, old.length - tail), made.slice(start, made.length - tail)),
    ...old.slice(old.length - tail).map(keep),
  ];
}

function keep(line: string): Line {
  return [" ", line];
}

function compareMiddles(old: readonly string[], made: readonly string[]): readonly Line[] {
  if (old.length > MAX_LINES || made.length > MAX_LINES) {
    return [...old.map((line): Line => ["-", line]), ...made.map((line): Line => ["+", line])];
  }
  const lengths = commonLengths(old, made);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  for (let a = old[i], b = made[j]; a !== undefined || b !== undefined; [a, b] = [old[i], made[j]]) {
    if (a !== undefined && a === b) {
      lines.push([" ", a]);
      i++;
      j++;
    } else if (a !== undefined && (b === undefined || at(lengths, i + 1, j) >= at(lengths, i, j + 1))) {
      lines.push(["-", a]);
      i++;
    } else if (b !== undefined) {
      lines.push(["+", b]);
      j++;
    }
  }
  return lines;
}

/** For each pair of places, how many lines the two rests have in common, in order. */
function commonLengths(old: readonly string[], made: readonly string[]): readonly Uint16Array[] {
  const rows = Array.from({ length: old.length + 1 }, () => new Uint16Array(made.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = made.length - 1; j >= 0; j--) {
      const length = old[i] === made[j] ? at(rows, i + 1, j + 1) + 1 : Math.max(at(rows, i + 1, j), at(rows, i, j + 1));
      rows[i]?.fill(length, j, j + 1);
    }
  }
  return rows;
}

function at(rows: readonly Uint16Array[], i: number, j: number): number {
  return rows[i]?.[j] ?? 0;
}

interface Hunk {
  readonly from: number;
  readonly to: number;
}

/** The stretches that are shown: each change with its surroundings, and those that meet as one. */
function hunksOf(lines: readonly Line[]): readonly Hunk[] {
  const hunks: Hunk[] = [];
  for (const [index, [mark]] of lines.entries()) {
    if (mark === " ") continue;
    const [from, to] = [Math.max(0, index - CONTEXT), Math.min(lines.length, index + 1 + CONTEXT)];
    const last = hunks.at(-1);
    if (last !== undefined && from <= last.to) hunks.splice(-1, 1, { from: last.from, to });
    else hunks.push({ from, to });
  }
  return hunks;
}

function headOf(lines: readonly Line[], from: number, to: number): string {
  return `@@ -${rangeOf(lines, "+", from, to)} +${rangeOf(lines, "-", from, to)} @@`;
}

/** First line and count on the side that does not have the lines of a mark; a stretch without lines is named by the line before it. */
function rangeOf(lines: readonly Line[], without: string, from: number, to: number): string {
  const count = (start: number, end: number): number =>
    lines.slice(start, end).filter(([mark]) => mark !== without).length;
  const length = count(from, to);
  const first = count(0, from) + (length === 0 ? 0 : 1);
  return length === 1 ? `${first}` : `${first},${length}`;
}
