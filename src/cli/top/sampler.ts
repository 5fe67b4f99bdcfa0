import type { GpusView } from "../gpus/gpu-view.ts";
import { listRows, type UseRow } from "../gpus/list-rows.ts";
import { CpuShares } from "./cpu-shares.ts";
import { extendHistory, type History } from "./history.ts";

/** What was seen, with what was before. */
export interface Sample {
  readonly view: GpusView;
  readonly rows: readonly UseRow[];
  readonly history: ReadonlyMap<string, History>;
}

/** Puts one look after the other: shares of a processor and graphs take two. */
export class Sampler {
  readonly #shares = new CpuShares();
  #history: ReadonlyMap<string, History> = new Map();

  take(view: GpusView): Sample {
    this.#history = extendHistory(this.#history, view);
    return { view, rows: listRows(view, this.#shares.of(view)), history: this.#history };
  }
}
