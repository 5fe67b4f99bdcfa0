import type { GpusView, ShownGpu } from "../gpus/gpu-view.ts";

/** What a GPU did, the newest last; undefined: it did not say. */
export interface History {
  readonly gpu: readonly (number | undefined)[];
  readonly memory: readonly (number | undefined)[];
}

/** Twice the columns of a wide terminal. */
const MAX_SAMPLES = 600;

/** What a GPU's history is known by. */
export function historyKey({ bus, index }: Pick<ShownGpu, "bus" | "index">): string {
  return bus ?? String(index);
}

/** With one more sample of each. */
export function extendHistory(
  history: ReadonlyMap<string, History>,
  { gpus }: Pick<GpusView, "gpus">,
): ReadonlyMap<string, History> {
  return new Map(
    gpus.map((gpu) => {
      const { gpu: before = [], memory = [] } = history.get(historyKey(gpu)) ?? {};
      const next: History = {
        gpu: [...before, gpu.state.facts.gpuPercent].slice(-MAX_SAMPLES),
        memory: [...memory, memoryPercent(gpu)].slice(-MAX_SAMPLES),
      };
      return [historyKey(gpu), next] as const;
    }),
  );
}

/** How much of its memory is in use. */
export function memoryPercent({ state: { facts } }: Pick<ShownGpu, "state">): number | undefined {
  const { memoryUsedBytes: used, memoryTotalBytes: total } = facts;
  return used === undefined || total === undefined || total === 0 ? undefined : (100 * used) / total;
}
