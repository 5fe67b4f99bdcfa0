import type { UseRow } from "../gpus/list-rows.ts";
import { SORTS, tableRows, type TableRow } from "./table-rows.ts";
import type { Signal, SortKey, TopState, Ui } from "./top-state.ts";

/** What has to be done beside drawing anew. */
export type Action =
  | { readonly kind: "quit" }
  | { readonly kind: "stop" }
  | { readonly kind: "redraw" }
  | { readonly kind: "signal"; readonly signal: Signal; readonly row: UseRow };

export interface Pressed {
  readonly ui: Ui;
  readonly action?: Action | undefined;
}

const PAGE = 10;
const MAX_FILTER = 60;

/** What a key does. */
export function press(state: TopState, key: string): Pressed {
  if (key === "ctrl-c") return { ui: state.ui, action: { kind: "quit" } };
  if (key === "ctrl-z") return { ui: state.ui, action: { kind: "stop" } };
  if (key === "ctrl-l") return { ui: state.ui, action: { kind: "redraw" } };
  const ui = { ...state.ui, message: undefined };
  const table = { ...ui, mode: { kind: "table" } as const };
  switch (ui.mode.kind) {
    case "help":
      return { ui: table };
    case "sort":
      return { ui: { ...table, ...sortOf(key, ui) } };
    case "filter":
      return { ui: typeFilter(key, ui, ui.mode.before) };
    case "confirm":
      return answer(key, table, ui.mode);
    case "table":
      return pressInTable(key, { ...state, ui });
  }
}

function sortOf(key: string, { sort, isReversed }: Ui): Pick<Ui, "sort" | "isReversed"> {
  const found = sortKeys().find((name) => SORTS[name].letter === key);
  return found === undefined ? { sort, isReversed } : { sort: found, isReversed: false };
}

function sortKeys(): readonly SortKey[] {
  return ["gpu", "pid", "user", "container", "memory", "sm", "cpu", "host", "time"];
}

function typeFilter(key: string, ui: Ui, before: string): Ui {
  const table = { ...ui, mode: { kind: "table" } as const };
  if (key === "enter") return table;
  if (key === "escape") return { ...table, filter: before };
  if (key === "backspace") return { ...ui, filter: Array.from(ui.filter).slice(0, -1).join("") };
  return Array.from(key).length === 1 && ui.filter.length < MAX_FILTER ? { ...ui, filter: ui.filter + key } : ui;
}

function answer(key: string, ui: Ui, mode: Extract<Ui["mode"], { kind: "confirm" }>): Pressed {
  if (key.toLowerCase() !== "y") return { ui: { ...ui, message: "Nothing was sent." } };
  return { ui, action: { kind: "signal", signal: mode.signal, row: mode.row } };
}

/** What is so after each of these keys. */
const CHANGES: ReadonlyMap<string, (ui: Ui) => Partial<Ui>> = new Map<string, (ui: Ui) => Partial<Ui>>([
  ...["h", "?", "f1"].map((key) => [key, () => ({ mode: { kind: "help" } as const })] as const),
  ...["o", "f6"].map((key) => [key, () => ({ mode: { kind: "sort" } as const })] as const),
  ["/", ({ filter }) => ({ mode: { kind: "filter", before: filter } })],
  ["r", ({ isReversed }) => ({ isReversed: !isReversed })],
  ["t", ({ isTree }) => ({ isTree: !isTree })],
  ["a", () => ({ layout: "auto" })],
  ["f", () => ({ layout: "full" })],
  ["c", () => ({ layout: "compact" })],
  ["escape", ({ selected }) => (selected === undefined ? { filter: "" } : { selected: undefined })],
]);

function pressInTable(key: string, { ui, rows }: TopState): Pressed {
  if (key === "q") return { ui, action: { kind: "quit" } };
  const change = CHANGES.get(key);
  if (change !== undefined) return { ui: { ...ui, ...change(ui) } };
  const shown = tableRows(rows, ui);
  if (key === "T" || key === "K") return { ui: confirm(ui, shown, key === "T" ? "SIGTERM" : "SIGKILL") };
  return { ui: move(key, ui, shown) };
}

/** By how many rows each key moves; the first key chooses the first row, or the last. */
const STEPS: ReadonlyMap<string, number> = new Map([
  ["down", 1],
  ["j", 1],
  ["up", -1],
  ["k", -1],
  ["pagedown", PAGE],
  ["pageup", -PAGE],
  ["home", -Infinity],
  ["g", -Infinity],
  ["end", Infinity],
  ["G", Infinity],
]);

function move(key: string, ui: Ui, rows: readonly TableRow[]): Ui {
  const step = STEPS.get(key);
  if (step === undefined || rows.length === 0) return ui;
  const at = rows.findIndex((row) => row.key === ui.selected);
  const wanted = at === -1 && step !== Infinity ? 0 : at + step;
  return { ...ui, selected: rows[Math.min(rows.length - 1, Math.max(0, wanted))]?.key };
}

function confirm(ui: Ui, rows: readonly TableRow[], signal: Signal): Ui {
  const row = rows.find(({ key }) => key === ui.selected);
  if (row === undefined) return { ...ui, message: "Choose a process first: arrows, j and k." };
  if (row.isGroup || row.pid === undefined) return { ...ui, message: "This line is no process." };
  if (row.startMs === undefined) return { ...ui, message: "This process is not there any more." };
  return { ...ui, mode: { kind: "confirm", signal, row } };
}
