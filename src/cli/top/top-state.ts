import type { GpusView } from "../gpus/gpu-view.ts";
import type { UseRow } from "../gpus/list-rows.ts";
import type { History } from "./history.ts";

/** All that a frame is drawn from. */
export interface TopState {
  /** This machine's name. */
  readonly host: string;
  /** Undefined: nothing has been said yet. */
  readonly view: GpusView | undefined;
  /** Of the GPUs, by `historyKey`. */
  readonly history: ReadonlyMap<string, History>;
  readonly rows: readonly UseRow[];
  /** Whose rows are not dimmed. */
  readonly viewer: number;
  readonly intervalMs: number;
  /** "14:03:27" */
  readonly clock: string;
  readonly ui: Ui;
}

export type SortKey = "gpu" | "pid" | "user" | "container" | "memory" | "sm" | "cpu" | "host" | "time";

/** What its user has chosen. */
export interface Ui {
  /** The key of a row. */
  readonly selected: string | undefined;
  readonly sort: SortKey;
  readonly isReversed: boolean;
  readonly filter: string;
  readonly isTree: boolean;
  readonly layout: "auto" | "full" | "compact";
  readonly mode: Mode;
  /** What came of the last key. */
  readonly message: string | undefined;
}

export type Mode =
  | { readonly kind: "table" }
  | { readonly kind: "help" }
  /** The next letter says by what. */
  | { readonly kind: "sort" }
  /** `before`: the filter that Escape brings back. */
  | { readonly kind: "filter"; readonly before: string }
  | { readonly kind: "confirm"; readonly signal: Signal; readonly row: UseRow };

export type Signal = "SIGTERM" | "SIGKILL";

export const FIRST_UI: Ui = {
  selected: undefined,
  sort: "gpu",
  isReversed: false,
  filter: "",
  isTree: false,
  layout: "auto",
  mode: { kind: "table" },
  message: undefined,
};
