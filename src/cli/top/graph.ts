/** Eighths of a column. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;
/** Dots of a braille character from below, in its left and its right column (Unicode, U+2800). */
const LEFT_DOTS = [0x40, 0x04, 0x02, 0x01] as const;
const RIGHT_DOTS = [0x80, 0x20, 0x10, 0x08] as const;
const BRAILLE = 0x2800;
const LEVELS = 4;
const ASCII_STEPS = " .:-=+*#%@";

/** A bar of exactly `width` columns, of which `percent` are full. */
export function bar(
  percent: number,
  width: number,
  isAscii: boolean,
): { readonly full: string; readonly rest: string } {
  const share = Math.min(100, Math.max(0, percent)) / 100;
  if (isAscii) {
    const full = "#".repeat(Math.round(share * width));
    return { full, rest: ".".repeat(width - full.length) };
  }
  const eighths = Math.round(share * width * 8);
  const full = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
  return { full, rest: "·".repeat(width - full.length) };
}

/**
 * A graph of percentages, the newest at the right, as `rows` lines of exactly `width` columns, the highest first. Two samples a column in braille, one in ASCII. What is 0 is a line at the
 * bottom, what is not known a gap.
 */
export function graph(
  samples: readonly (number | undefined)[],
  { width, rows, isAscii }: { readonly width: number; readonly rows: number; readonly isAscii: boolean },
): readonly string[] {
  const perColumn = isAscii ? 1 : 2;
  const wanted = width * perColumn;
  const shown = [
    ...Array.from({ length: Math.max(0, wanted - samples.length) }, () => undefined),
    ...samples.slice(-wanted),
  ];
  return Array.from({ length: rows }, (_, line) => {
    const below = rows - 1 - line;
    return Array.from({ length: width }, (__, column) => {
      const pair = shown.slice(column * perColumn, (column + 1) * perColumn);
      return isAscii ? asciiCell(pair[0], below, rows) : brailleCell(pair, below, rows);
    }).join("");
  });
}

function brailleCell(pair: readonly (number | undefined)[], below: number, rows: number): string {
  const dots = pair.map((sample, side) => {
    const filled = levels(sample, rows * LEVELS) - below * LEVELS;
    const marks = side === 0 ? LEFT_DOTS : RIGHT_DOTS;
    return marks.slice(0, Math.max(0, filled)).reduce((sum: number, dot) => sum | dot, 0);
  });
  const all = dots.reduce((sum, dot) => sum | dot, 0);
  return all === 0 ? " " : String.fromCodePoint(BRAILLE + all);
}

/** How many of so many levels are full: one at least, where something is known. */
function levels(sample: number | undefined, most: number): number {
  if (sample === undefined) return 0;
  return Math.min(most, Math.max(1, Math.ceil((sample / 100) * most)));
}

function asciiCell(sample: number | undefined, below: number, rows: number): string {
  const steps = ASCII_STEPS.length - 1;
  const filled = levels(sample, rows * steps) - below * steps;
  return ASCII_STEPS[Math.min(steps, Math.max(0, filled))] ?? " ";
}
