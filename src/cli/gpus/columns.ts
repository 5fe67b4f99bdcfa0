import { fit, type Line, type Style } from "./paint.ts";

/** One column of a table that fits itself into a terminal. */
export interface Column<Row> {
  readonly heading: string;
  readonly text: (row: Row) => string;
  readonly isRight?: boolean;
  /** The lower, the longer it stays where there is little room. */
  readonly rank: number;
  /** In a terminal it is never wider. */
  readonly most?: number;
  /** It gets what is left, and is cut. One of a table, its last. */
  readonly isFlexible?: boolean;
  readonly style?: (row: Row) => Style | undefined;
}

/** What a flexible column needs so that it is worth it. */
const FLEXIBLE_LEAST = 12;
const GAP = 2;

export interface FittedTable<Row> {
  readonly heading: Line;
  readonly lineOf: (row: Row) => Line;
}

/** Chooses what fits into `width` columns (undefined: all), and lays it out. Columns of the highest rank go first. */
export function fitTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
): FittedTable<Row> {
  // What no terminal shows is read by programs, or kept: it is whole.
  const sized = columns.map((column) => {
    const own = naturalWidth(column, rows);
    return { column, width: width === undefined ? own : Math.min(own, column.most ?? Infinity) };
  });
  const shown = width === undefined ? sized : dropUntilFitting(sized, width);
  const used = shown.reduce((sum, each) => sum + (each.column.isFlexible === true ? 0 : each.width + GAP), 0);
  const widthOf = (each: Sized<Row>): number =>
    each.column.isFlexible === true && width !== undefined
      ? Math.min(each.width, Math.max(0, width - used))
      : each.width;
  const lay = (text: (column: Column<Row>) => string, style: (column: Column<Row>) => Style | undefined): Line =>
    shown.flatMap((each, at) => {
      const cell = fit(text(each.column), widthOf(each), each.column.isRight);
      const isLast = at === shown.length - 1;
      return [{ text: isLast ? cell.trimEnd() : cell, style: style(each.column) }, ...(isLast ? [] : [{ text: "  " }])];
    });
  return {
    heading: lay(
      ({ heading }) => heading,
      () => "heading",
    ),
    lineOf: (row) =>
      lay(
        ({ text }) => text(row),
        ({ style }) => style?.(row),
      ),
  };
}

interface Sized<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

function naturalWidth<Row>({ heading, text }: Column<Row>, rows: readonly Row[]): number {
  return Math.max(Bun.stringWidth(heading), ...rows.map((row) => Bun.stringWidth(text(row))));
}

function dropUntilFitting<Row>(sized: readonly Sized<Row>[], width: number): readonly Sized<Row>[] {
  const needs = sized.map(({ column, width: own }) =>
    column.isFlexible === true ? Math.min(own, FLEXIBLE_LEAST) : own,
  );
  const needed = needs.reduce((sum, each) => sum + each + GAP, -GAP);
  if (needed <= width || sized.length <= 1) return sized;
  const worst = Math.max(...sized.map(({ column }) => column.rank));
  return dropUntilFitting(
    sized.filter(({ column }) => column.rank !== worst),
    width,
  );
}
