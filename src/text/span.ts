/** A part of a text, in UTF-16 units: from `start` to before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The text with one part replaced. */
export function splice(text: string, { start, end }: Span, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** A text without its byte order mark, and the mark. */
export function splitMark(text: string): readonly [mark: string, body: string] {
  return text.startsWith("\ufeff") ? ["\ufeff", text.slice(1)] : ["", text];
}

/** How the first line of a text ends; LF where there is only one line. */
export function newlineOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}

/** Where the line that holds `offset` begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Where the line that holds `offset` ends, before its line end. */
export function lineEnd(text: string, offset: number): number {
  const found = text.indexOf("\n", offset);
  if (found < 0) return text.length;
  return found > offset && text[found - 1] === "\r" ? found - 1 : found;
}

/** Where the next line begins, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  const found = text.indexOf("\n", offset);
  return found < 0 ? text.length : found + 1;
}

/** Where the line end before the line that starts here begins. */
export function beforeNewline(text: string, start: number): number {
  if (start === 0) return 0;
  return text[start - 2] === "\r" ? start - 2 : start - 1;
}

/** The blanks at the start of the line that holds `offset`. */
export function lineIndent(text: string, offset: number): string {
  return blanksAt(text, lineStart(text, offset));
}

/** The blanks and tabs that stand at `offset`. */
export function blanksAt(text: string, offset: number): string {
  const pattern = /[ \t]*/y;
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0] ?? "";
}
