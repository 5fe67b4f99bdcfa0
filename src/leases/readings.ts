import type { Nvlinks } from "./nvlinks.ts";
import type { Usage } from "./usage.ts";

/** What a look at the GPUs has told. */
export interface Readings {
  /** By the key of the device. */
  readonly usage: ReadonlyMap<string, Usage>;
  /** The last that is known. */
  readonly nvlinks?: Nvlinks;
}

export const NO_READINGS: Readings = { usage: new Map() };
