/** How one GPU or MIG device is used, as the driver says at one moment. */
export interface Sample {
  /** Numbers of the processes that have it open for work, as this machine counts them. */
  readonly processes: readonly number[];
  /** Memory in use without what the driver keeps for itself. */
  readonly usedBytes: number;
  /** 0 to 100; undefined: the driver does not say it (MIG). */
  readonly utilisation: number | undefined;
}

/** What is known of its use: at least two samples a second apart, or why there are none. */
export type Usage =
  | {
      readonly kind: "known";
      /** In all, used or not; undefined: the driver does not say it. */
      readonly memoryBytes: number | undefined;
      readonly samples: readonly Sample[];
    }
  | { readonly kind: "unknown"; readonly why: string };

export const NOT_ASKED: Usage = { kind: "unknown", why: "the driver was not asked" };

/** `suspect`: memory or work without a process, which is what a killed program can leave behind for days. */
export type Use = "idle" | "busy" | "suspect" | "unknown";

/** What an idle GPU may show all the same. */
export const IDLE_BYTES = 64 * 2 ** 20;
const IDLE_UTILISATION = 5;
const MIN_SAMPLES = 2;

/**
 * Idle: no process, hardly any memory, hardly any work, in every sample; one sample alone says nothing, as a training job rests between its steps.
 */
export function judgeUse(usage: Usage): Use {
  if (usage.kind === "unknown" || usage.samples.length < MIN_SAMPLES) return "unknown";
  if (usage.samples.some(({ processes }) => processes.length > 0)) return "busy";
  return usage.samples.every(isQuiet) ? "idle" : "suspect";
}

/** "process 12, 13; 1.2 GB of memory; 40 % busy": the last sample in words. */
export function describeUse(usage: Usage): string {
  if (usage.kind === "unknown") return usage.why;
  const sample = usage.samples.at(-1);
  if (sample === undefined) return "nothing is known of it";
  const { processes, usedBytes, utilisation } = sample;
  const who = processes.length === 0 ? "no process" : `process ${processes.join(", ")}`;
  const work = utilisation === undefined ? "" : `, ${utilisation} % busy`;
  return `${who}, ${(usedBytes / 1e9).toFixed(1)} GB of memory${work}`;
}

function isQuiet({ usedBytes, utilisation }: Sample): boolean {
  return usedBytes < IDLE_BYTES && (utilisation ?? 0) <= IDLE_UTILISATION;
}
