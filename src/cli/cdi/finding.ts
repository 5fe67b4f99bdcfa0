import { escapeControls } from "../../base/index.ts";
import type { CdiFinding } from "../../doctor/index.ts";

/** `file:line: error: BERTH-D002: what, why; remedy: …`, one line. */
export function formatFinding(
  file: string,
  { severity, code, line, moreLines = [], message, remedy }: CdiFinding,
): string {
  const place = line === undefined ? file : `${file}:${line}`;
  const more =
    moreLines.length === 0 ? "" : ` (also in ${moreLines.length === 1 ? "line" : "lines"} ${shorten(moreLines)})`;
  const head = [place, severity, ...(code === undefined ? [] : [code])].join(": ");
  return `${escapeControls(`${head}: ${message}${more}${remedy === undefined ? "" : `; remedy: ${remedy}`}`)}\n`;
}

function shorten(lines: readonly number[]): string {
  return lines.length <= 4 ? lines.join(", ") : `${lines.slice(0, 3).join(", ")} and ${lines.length - 3} more`;
}
