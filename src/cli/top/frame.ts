import { fitTable, type Column } from "../gpus/columns.ts";
import type { ShownGpu } from "../gpus/gpu-view.ts";
import { cutLine, fit, plain, type Line, type Span } from "../gpus/paint.ts";
import { rowColumns } from "../gpus/row-columns.ts";
import { asciiLine } from "./ascii.ts";
import { footerLine } from "./footer.ts";
import { compactHeading, gpuLines, heightOf, type GpuStyle } from "./gpu-lines.ts";
import { helpLines } from "./help.ts";
import { historyKey } from "./history.ts";
import { SORTS, tableRows, type TableRow } from "./table-rows.ts";
import type { TopState } from "./top-state.ts";

export interface FrameSize {
  readonly columns: number;
  /** Undefined: as many as there is something for. */
  readonly rows: number | undefined;
  readonly isAscii: boolean;
}

const HEADER_ROWS = 1;
/** A heading and some rows: what is left to the table before graphs get more. */
const TABLE_LEAST = 6;
interface Layout {
  readonly graphRows: GpuStyle["graphRows"];
  /** No panel is narrower. */
  readonly least: number;
}

/** From the best to what needs the least room. */
const LAYOUTS: readonly Layout[] = [
  ...([8, 4, 2] as const).map((graphRows) => ({ graphRows, least: 64 })),
  ...([8, 4, 2] as const).map((graphRows) => ({ graphRows, least: 47 })),
  { graphRows: 1, least: 64 },
  { graphRows: 1, least: 47 },
  { graphRows: 0, least: 0 },
];
const GAP = 3;
const LEAST = { columns: 30, rows: 5 } as const;

/** One whole picture: exactly `rows` lines of at most `columns` columns. */
export function renderFrame(state: TopState, size: FrameSize): readonly Line[] {
  const { columns, rows } = size;
  const lines = composeFrame(state, size).map((line) => cutLine(line, columns));
  const whole = rows === undefined ? lines : Array.from({ length: rows }, (_, at) => lines[at] ?? []);
  return size.isAscii ? whole.map(asciiLine) : whole;
}

function composeFrame(state: TopState, size: FrameSize): readonly Line[] {
  const { columns, rows } = size;
  if (columns < LEAST.columns || (rows !== undefined && rows < LEAST.rows)) return [[{ text: "too small" }]];
  const header = headerLine(state, columns);
  const footer = rows === undefined ? [] : [footerLine(state, columns)];
  const room = rows === undefined ? undefined : rows - HEADER_ROWS - footer.length;
  return [header, ...padTo(bodyLines(state, size, room), room), ...footer];
}

function padTo(lines: readonly Line[], count: number | undefined): readonly Line[] {
  return count === undefined ? lines : Array.from({ length: count }, (_, at) => lines[at] ?? []);
}

function bodyLines(state: TopState, { columns, isAscii }: FrameSize, room: number | undefined): readonly Line[] {
  const { view, ui } = state;
  if (ui.mode.kind === "help") return helpLines(columns);
  if (view === undefined) return [[], [{ text: " The driver is asked …", style: "dim" }]];
  if (view.gpus.length === 0) return [[], ...view.errors.map((error): Line => [{ text: ` ${plain(error)}`, style: "sick" }])];
  const gpus = gpuSection(state, { columns, isAscii, room });
  const left = room === undefined ? undefined : room - gpus.length - 1;
  return [...gpus, [], ...tableSection(state, columns, left)];
} // prettier-ignore

function headerLine({ host, view, clock, intervalMs, ui }: TopState, columns: number): Line {
  const sick = view?.gpus.filter(({ state }) => state.sick !== undefined).length ?? 0;
  const count = view === undefined ? "" : `  ${view.gpus.length} ${view.gpus.length === 1 ? "GPU" : "GPUs"}`;
  const left: readonly Span[] = [
    { text: " berth top", style: "heading" },
    { text: `  ${plain(host)}`, style: "strong" },
    { text: view?.driver === undefined ? "" : `  driver ${plain(view.driver)}` },
    { text: count },
    { text: sick === 0 ? "" : `, ${sick} sick`, style: "sick" },
  ];
  const used = left.reduce((sum, { text }) => sum + Bun.stringWidth(text), 0);
  const parts = [...(ui.filter === "" ? [] : [`filter "${plain(ui.filter)}"`]), clock, `every ${intervalMs / 1000}s`];
  // What is least missed goes first.
  const texts = [parts, parts.slice(0, -1), []].map((some) =>
    some
      .map((part) => `${part}  `)
      .join("")
      .trimEnd(),
  );
  const shown = texts.find((text) => used + 3 + Bun.stringWidth(text) <= columns) ?? "";
  const blanks = " ".repeat(Math.max(0, columns - 1 - used - Bun.stringWidth(shown)));
  return [...left, { text: blanks }, { text: shown, style: "dim" }];
}

interface Place {
  readonly columns: number;
  readonly isAscii: boolean;
  readonly room: number | undefined;
}

/** As high as the terminal allows and its user wants. */
function gpuSection(state: TopState, { columns, isAscii, room = Infinity }: Place): readonly Line[] {
  const { ui } = state;
  const gpus = state.view?.gpus ?? [];
  const table = Math.min(TABLE_LEAST, 2 + state.rows.length);
  const options = LAYOUTS.filter(({ graphRows }) =>
    ui.layout === "full" ? graphRows > 0 : ui.layout === "auto" || graphRows === 0,
  ).flatMap(({ graphRows, least }) => arrange(gpus, { graphRows, least }, { columns, isAscii }));
  const fitting = options.find(({ height }) => height + 1 + table <= room) ?? options.at(-1);
  const lines = fitting === undefined ? [] : drawGrid(state, fitting);
  // More GPUs than lines: those that are sick or busy cannot be told apart before all are seen, so that the first are shown.
  const most = Math.max(1, room - 4);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), [{ text: ` … ${lines.length - most + 1} more lines of GPUs`, style: "dim" }]];
}

interface Grid {
  readonly height: number;
  readonly rows: readonly (readonly ShownGpu[])[];
  readonly style: GpuStyle;
}

/** Side by side as few panels as possible: as many across as fit, the fewest first. Single lines stand below each other. */
function arrange(gpus: readonly ShownGpu[], { graphRows, least }: Layout, { columns, isAscii }: Pick<Place, "columns" | "isAscii">): readonly Grid[] {
  const most = graphRows === 0 ? 1 : Math.max(1, Math.floor((columns + GAP) / (least + GAP)));
  return Array.from({ length: Math.min(most, gpus.length) }, (_, at) => {
    const across = at + 1;
    const width = Math.floor((columns - 1 - GAP * at) / across);
    const rows = Array.from({ length: Math.ceil(gpus.length / across) }, (__, row) => gpus.slice(row * across, (row + 1) * across));
    const heading = graphRows === 0 ? 1 : 0;
    const height = rows.reduce((sum, row) => sum + Math.max(...row.map((gpu) => heightOf(gpu, graphRows))), heading);
    return { height, rows, style: { width, isAscii, graphRows } };
  });
} // prettier-ignore

function drawGrid({ view, history }: TopState, { rows, style }: Grid): readonly Line[] {
  if (view === undefined) return [];
  const heading = style.graphRows === 0 ? [compactHeading(style)] : [];
  const panels = rows.flatMap((row) => {
    const drawn = row.map((gpu) => gpuLines(gpu, history.get(historyKey(gpu)), view, style));
    const height = Math.max(...drawn.map((lines) => lines.length));
    return Array.from({ length: height }, (_, at): Line => beside(drawn.map((lines) => lines[at] ?? []), style.width)); // prettier-ignore
  });
  return [...heading, ...panels];
}

/** Lines next to each other, each but the last filled up to `width`. */
function beside(lines: readonly Line[], width: number): Line {
  return lines.flatMap((line, at) => {
    const shown = cutLine(line, width);
    if (at === lines.length - 1) return shown;
    const used = shown.reduce((sum, { text }) => sum + Bun.stringWidth(text), 0);
    return [...shown, { text: " ".repeat(width - used + GAP) }];
  });
}

function tableSection({ rows, ui, viewer }: TopState, columns: number, room: number | undefined): readonly Line[] {
  const all = tableRows(rows, ui);
  const { heading, lineOf } = fitTable<TableRow>(tableColumns(all, viewer, ui.sort), all, columns - 1);
  const title: Line = [{ text: " " }, ...heading];
  if (all.length === 0) {
    const why = ui.filter === "" ? "No process uses a GPU." : `Nothing fits "${plain(ui.filter)}".`;
    return [[{ text: ` ${why}`, style: "dim" }]];
  }
  const height = Math.max(0, (room ?? Infinity) - 1);
  const at = all.findIndex(({ key }) => key === ui.selected);
  const first = Math.max(0, Math.min(at - Math.floor(height / 2), all.length - height));
  const shown = all.slice(first, height === Infinity ? undefined : first + height);
  return [title, ...shown.map((row) => rowLine(lineOf(row), { row, ui, columns }))];
}

function rowLine(line: Line, { row, ui, columns }: { readonly row: TableRow; readonly ui: TopState["ui"]; readonly columns: number }): Line {
  if (row.key !== ui.selected) return [{ text: " " }, ...line];
  const text = line.map((span) => span.text).join("");
  return [{ text: fit(` ${text}`, columns), style: "selected" }];
} // prettier-ignore

/** Those of `berth ps`; the one that is sorted by says so, and groups stand out. */
function tableColumns(rows: readonly TableRow[], viewer: number, sort: TopState["ui"]["sort"]): readonly Column<TableRow>[] {
  return rowColumns(rows, { viewer }).map((column) => ({
    ...column,
    heading: sort !== "gpu" && column.heading === SORTS[sort].title ? `${column.heading}▾` : column.heading,
    style: (row) => (row.isGroup ? "strong" : column.style?.(row)),
  }));
} // prettier-ignore
