import { escapeControls, type ErrorCode } from "../../base/index.ts";

/** What a check has to say about a CDI file. An error makes the check fail. */
export interface Finding {
  readonly severity: "error" | "warning" | "note";
  readonly code?: ErrorCode;
  /** Counted from 1; undefined: it is about the whole file. */
  readonly line?: number | undefined;
  /** Further lines of which the same is true. */
  readonly moreLines?: readonly number[];
  /** Whether it is about a path that no container can use: of those there can be many. */
  readonly isDeadPath?: boolean;
  readonly message: string;
  /** One command, or one thing to change. */
  readonly remedy?: string;
}

/** `file:line: error: BERTH-D002: what, why; remedy: …`, one line. */
export function formatFinding(
  file: string,
  { severity, code, line, moreLines = [], message, remedy }: Finding,
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
