import type { GpuState } from "../../nvml/index.ts";
import type { GpuUser, KnownContainer, OwnedProcess } from "../../watch/index.ts";

/** All that `berth gpus` shows. */
export interface GpusView {
  readonly driver: string | undefined;
  readonly gpus: readonly ShownGpu[];
  /** By the process's number. */
  readonly owned: ReadonlyMap<number, OwnedProcess>;
  readonly userNames: ReadonlyMap<number, string>;
  /** By id. */
  readonly containers: ReadonlyMap<string, KnownContainer>;
  readonly errors: readonly string[];
}

export interface ShownGpu {
  /** Undefined: the driver has lost it and counts without it. */
  readonly index: number | undefined;
  /** Undefined: WSL and Tegra have none. */
  readonly bus: string | undefined;
  readonly minor: number | undefined;
  readonly uuid: string | undefined;
  readonly model: string;
  readonly state: GpuState;
  readonly users: readonly GpuUser[];
}
