/** What is proved one after the other; each needs those before it. */
export const LAYER_IDS = ["library", "init", "devices", "context", "memory", "runtime", "libraries"] as const;
export type LayerId = (typeof LAYER_IDS)[number];

/** One layer of CUDA, as it was found. */
export interface Layer {
  readonly id: LayerId;
  /** absent: it is not there, and need not be. */
  readonly state: "good" | "failed" | "absent";
  /** What was seen, or what went wrong: "8 GPUs". One line; of text that programs gave, not yet escaped. */
  readonly detail: string;
  /** What CUDA answered: "CUDA_ERROR_UNKNOWN (999)"; NO_ANSWER at the deadline; undefined: it was not asked, or there is no such thing. */
  readonly code: string | undefined;
}

export const NO_ANSWER = "no answer";

/** A GPU, or a MIG device, that CUDA counts. */
export interface ProbedGpu {
  /** CUDA's number of it. */
  readonly index: number;
  readonly name: string | undefined;
  /** "GPU-…", "MIG-…" */
  readonly uuid: string | undefined;
}

/** Whose C library the programs of a root file system run with. */
export type Libc = "glibc" | "musl" | "none";

/** How far CUDA came. */
export interface Probe {
  /** In order. The first that failed is the last: what is above it was not tried. */
  readonly layers: readonly Layer[];
  /** The newest CUDA that the driver's library is for: "12.8". */
  readonly cuda: string | undefined;
  readonly gpus: readonly ProbedGpu[];
  /** Told only where the C library of the root file system was not the one that the probe ran with. */
  readonly libc: Libc | undefined;
}

/** One step of a probe: a layer, and what was learnt on the way. */
export interface Step {
  readonly layer: Layer;
  readonly cuda?: string | undefined;
  readonly gpus?: readonly ProbedGpu[];
  readonly libc?: Libc;
}

/** The layer that failed; undefined: CUDA can be used. */
export function failedLayer({ layers }: Probe): Layer | undefined {
  return layers.find(({ state }) => state === "failed");
}
