import type { GpuState } from "./gpu-state.ts";
import { sickState, Worker, type WorkerOptions } from "./worker.ts";

export interface StateAskerOptions extends Pick<WorkerOptions, "argv"> {
  /** PCI addresses, or NVML's numbers. */
  readonly targets: readonly string[];
  /** For each GPU (1000). */
  readonly deadlineMs?: number | undefined;
  /** For the program itself and the driver's library, before the first GPU (3000). */
  readonly startMs?: number | undefined;
}

const DEADLINE_MS = 1000;
const START_MS = 3000;

/**
 * Asks the same GPUs again and again, in a child that has NVML initialised once. While one GPU does not answer, another child goes on with the rest; at its deadline the GPU is sick, with
 * what it said until then. The child that it keeps waiting is left to it and not asked again before it has answered, and from then on it has one of its own. Never throws for what
 * happens there. Close it.
 */
export class StateAsker implements Disposable {
  readonly #targets: readonly string[];
  readonly #options: WorkerOptions;
  readonly #states = new Map<string, GpuState>();
  /** Those that have kept a child waiting, or ended it. */
  readonly #apart = new Set<string>();
  readonly #workers = new Set<Worker>();
  /** Not yet told in this round. */
  #pending = new Set<string>();
  #onSettled: (() => void) | undefined;

  constructor({ argv, targets, deadlineMs = DEADLINE_MS, startMs = START_MS }: StateAskerOptions) {
    this.#targets = targets;
    this.#options = { argv, deadlineMs, startMs };
  }

  /** What is known of each, in the order of `targets`. */
  get states(): readonly GpuState[] {
    return this.#targets.map((target) => this.#states.get(target) ?? sickState(target, "it was not asked"));
  }

  /** Asks all that nobody waits for. Settles when each of them has told all or is sick. One round at a time. */
  async ask(): Promise<void> {
    const busy = new Set([...this.#workers].flatMap((worker) => worker.busyWith));
    const free = this.#targets.filter((target) => !busy.has(target));
    if (free.length === 0) return;
    this.#pending = new Set(free);
    const settled = new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
    this.#start(free.filter((target) => !this.#apart.has(target)));
    for (const target of free) if (this.#apart.has(target)) this.#start([target]);
    this.#closeIdle();
    await settled;
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.close();
    this.#workers.clear();
  }

  /** In a child that is idle, else in a new one. */
  #start(targets: readonly string[]): void {
    if (targets.length === 0) return;
    const idle = [...this.#workers].find((worker) => worker.isIdle);
    if (idle !== undefined) return idle.ask(targets);
    const onState = (state: GpuState, isBlocking: boolean): void => this.#tell(state, isBlocking);
    const onLeft = (worker: Worker, rest: readonly string[]): void => this.#take(worker, rest);
    this.#workers.add(new Worker(targets, this.#options, { onState, onLeft }));
  }

  /** One keeps its child waiting: from then on it has one of its own. */
  #take(worker: Worker, rest: readonly string[]): void {
    for (const target of worker.busyWith) this.#apart.add(target);
    this.#start(rest);
  }

  #tell(state: GpuState, isBlocking: boolean): void {
    this.#states.set(state.target, state);
    if (isBlocking) this.#apart.add(state.target);
    else this.#apart.delete(state.target);
    this.#pending.delete(state.target);
    if (this.#pending.size === 0) this.#onSettled?.();
  }

  /** More than are needed have become idle, or have ended. */
  #closeIdle(): void {
    for (const worker of this.#workers) {
      if (!worker.isIdle && !worker.hasEnded) continue;
      worker.close();
      this.#workers.delete(worker);
    }
  }
}
