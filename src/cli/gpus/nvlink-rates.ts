import type { GpuState } from "../../nvml/index.ts";
import type { ShownGpu } from "./gpu-view.ts";

interface Count {
  readonly rx: number;
  readonly tx: number;
  readonly at: number;
}

/** What goes over NVLink, by what the driver has counted since the last time. */
export class NvlinkRates {
  readonly #before = new Map<string, Count>();

  of({ target, facts }: GpuState): ShownGpu["nvlinkRates"] {
    const { nvlinkRxBytes: rx, nvlinkTxBytes: tx } = facts;
    if (rx === undefined || tx === undefined) return undefined;
    const before = this.#before.get(target);
    const now = { rx, tx, at: performance.now() };
    this.#before.set(target, now);
    const seconds = before === undefined ? 0 : (now.at - before.at) / 1000;
    // A counter that runs backwards is that of a driver that was loaded anew.
    if (before === undefined || seconds <= 0 || rx < before.rx || tx < before.tx) return undefined;
    return {
      rxBytesPerSecond: Math.round((rx - before.rx) / seconds),
      txBytesPerSecond: Math.round((tx - before.tx) / seconds),
    };
  }
}
