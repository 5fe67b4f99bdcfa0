import type { GpusView } from "../gpus/gpu-view.ts";

interface Used {
  readonly startMs: number | undefined;
  readonly cpuMs: number;
  readonly uptimeMs: number;
}

/** What share of one processor each process has used since the last time. */
export class CpuShares {
  #before: ReadonlyMap<number, Used> = new Map();

  /** By the process's number; of one that is new there is none yet. */
  of({ owned, uptimeMs }: Pick<GpusView, "owned" | "uptimeMs">): ReadonlyMap<number, number> {
    const now = new Map<number, Used>();
    const shares = new Map<number, number>();
    for (const { pid, startMs, cpuMs } of owned.values()) {
      if (cpuMs === undefined) continue;
      now.set(pid, { startMs, cpuMs, uptimeMs });
      const before = this.#before.get(pid);
      const passed = before === undefined ? 0 : uptimeMs - before.uptimeMs;
      // The number may be another process's by now.
      if (before === undefined || before.startMs !== startMs || passed <= 0) continue;
      shares.set(pid, Math.max(0, (100 * (cpuMs - before.cpuMs)) / passed));
    }
    this.#before = now;
    return shares;
  }
}
