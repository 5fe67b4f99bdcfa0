import { fitTable } from "../gpus/columns.ts";
import type { UseRow } from "../gpus/list-rows.ts";
import { cutLine, paintLine } from "../gpus/paint.ts";
import { rowColumns } from "../gpus/row-columns.ts";

export interface RowsLayout {
  readonly hasColours: boolean;
  /** Columns of the terminal; undefined: lines are as long as they are. */
  readonly width: number | undefined;
}

/** A heading and a line for each. */
export function formatRows(rows: readonly UseRow[], { hasColours, width }: RowsLayout): string {
  const { heading, lineOf } = fitTable(rowColumns(rows, { viewer: undefined }), rows, width);
  const lines = [heading, ...rows.map(lineOf)].map((line) => cutLine(line, width ?? Infinity));
  return lines.map((line) => `${paintLine(line, hasColours).trimEnd()}\n`).join("");
}
