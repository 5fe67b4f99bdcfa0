import { escapeControls } from "../../base/index.ts";

/** Select Graphic Rendition (ECMA-48), in the terminal's own colours, so that light and dark themes both fit. */
const STYLES = {
  light: "32",
  moderate: "33",
  heavy: "31",
  sick: "1;31",
  dim: "2",
  strong: "1",
  heading: "1;36",
  graph: "36",
  memoryGraph: "35",
  selected: "7",
  notice: "1;33",
} as const;

export type Style = keyof typeof STYLES;

/** A part of a line in one style. */
export interface Span {
  readonly text: string;
  readonly style?: Style | undefined;
}

export type Line = readonly Span[];

/** Spans as a terminal takes them. */
export function paintLine(line: Line, hasColours: boolean): string {
  return line.map(({ text, style }) => paint(text, style, hasColours)).join("");
}

export function paint(text: string, style: Style | undefined, hasColours: boolean): string {
  return hasColours && style !== undefined && text !== "" ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}

/** From where on a load is moderate, and heavy; those of nvitop. */
const LOADS = { gpu: [10, 75], memory: [10, 80] } as const;

export function loadStyle(percent: number, of: keyof typeof LOADS): Style {
  const [moderate, heavy] = LOADS[of];
  if (percent >= heavy) return "heavy";
  return percent >= moderate ? "moderate" : "light";
}

/** A text in so many columns, the last an ellipsis where it is longer. Control characters must be out of it. */
export function cut(text: string, room: number): string {
  if (Bun.stringWidth(text) <= room) return text;
  let [shown, width] = ["", 0];
  for (const character of text) {
    width += Bun.stringWidth(character);
    if (width > room - 1) break;
    shown += character;
  }
  return room < 1 ? "" : `${shown.trimEnd()}…`;
}

/** Cut or filled up to exactly so many columns. */
export function fit(text: string, width: number, isRight = false): string {
  const shown = cut(text, width);
  const blanks = " ".repeat(Math.max(0, width - Bun.stringWidth(shown)));
  return isRight ? blanks + shown : shown + blanks;
}

/** Text from outside as a table has it: one line, nothing that steers a terminal. */
export function plain(text: string | undefined, otherwise = "-"): string {
  return text === undefined || text === "" ? otherwise : escapeControls(text);
}

/** A line in at most so many columns. */
export function cutLine(line: Line, width: number): Line {
  let room = width;
  return line.flatMap((span) => {
    const text = room > 0 ? cut(span.text, room) : "";
    room -= Bun.stringWidth(text);
    return text === "" ? [] : [{ ...span, text }];
  });
}
