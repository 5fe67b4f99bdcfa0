import type { AskedChild } from "../base/index.ts";
import { startAsking } from "./ask.ts";
import { PARTS, type GpuState } from "./gpu-state.ts";
import { LineReader } from "./line-reader.ts";
import { parseEvent } from "./parse-event.ts";
import type { StateEvent } from "./tell-states.ts";

/** After this time at one GPU the others go on without waiting for it. */
const HAND_OVER_MS = 200;
const DEADLINE_MS = 1000;
const START_MS = 3000;

export interface AskStatesOptions {
  /** The words that start a process which prints the lines of `tellStates` for these GPUs. */
  readonly argv: (targets: readonly string[]) => readonly string[];
  /** PCI addresses, or NVML's numbers. */
  readonly targets: readonly string[];
  /** For each GPU (1000). */
  readonly deadlineMs?: number;
  /** For the program itself and the driver's library, before the first GPU (3000). */
  readonly startMs?: number;
}

/**
 * What all GPUs say, in the order of `targets`. They are asked in one child process; while one GPU does not answer, another child goes on with the rest, and at its deadline the
 * GPU is sick, with what it said until then. Never throws for what happens there.
 */
export async function askStates(options: AskStatesOptions): Promise<readonly GpuState[]> {
  const { argv, targets, deadlineMs = DEADLINE_MS, startMs = START_MS } = options;
  const found = new Map<string, GpuState>();
  const set = (state: GpuState): void => void found.set(state.target, state);
  await askRest(targets, { argv, deadlineMs, startMs, set });
  return targets.map((target) => found.get(target) ?? sickState(target, "it was not asked"));
}

interface Round {
  readonly argv: AskStatesOptions["argv"];
  readonly deadlineMs: number;
  readonly startMs: number;
  readonly set: (state: GpuState) => void;
}

/** Asks these GPUs in a new child, and those it does not come to in the next one. Each child settles one GPU at least. */
async function askRest(targets: readonly string[], round: Round): Promise<void> {
  const [first] = targets;
  if (first === undefined) return;
  const child = startAsking(round.argv(targets));
  if (typeof child === "string") return targets.forEach((target) => round.set(sickState(target, child)));
  const lines = new LineReader(child);
  const following = new Following({ child, lines, targets, round });
  try {
    await following.run();
  } finally {
    // One that sleeps inside the driver cannot be killed, and is not waited for.
    child.kill("SIGKILL");
    child.unref();
    await lines.close();
  }
  await following.others;
}

interface ChildInput {
  readonly child: AskedChild;
  readonly lines: LineReader;
  readonly targets: readonly string[];
  readonly round: Round;
}

/** One child and the GPUs it is asked for. */
class Following {
  readonly #child: AskedChild;
  readonly #lines: LineReader;
  readonly #round: Round;
  /** Not yet opened. */
  #waiting: readonly string[];
  #state: GpuState | undefined;
  #openedAt = 0;
  /** How many parts the GPU has been asked for. */
  #asked = 0;
  /** The next child, once there is one. */
  others: Promise<void> | undefined;

  constructor({ child, lines, targets, round }: ChildInput) {
    this.#child = child;
    this.#lines = lines;
    this.#waiting = targets;
    this.#round = round;
  }

  async run(): Promise<void> {
    while (this.#state !== undefined || this.#waiting.length > 0) {
      const next = await this.#lines.next(this.#patience());
      if (next === "late" && this.#canHandOver()) this.#handOver();
      else if (next === "late") this.#giveUp(this.#whyLate());
      else if (next === undefined) this.#giveUp(await this.#end());
      else this.#take(next.line);
    }
  }

  /** Until the rest is handed over, then until the deadline. */
  #patience(): number {
    if (this.#state === undefined) return this.#round.startMs;
    const until = this.#canHandOver() ? Math.min(HAND_OVER_MS, this.#round.deadlineMs) : this.#round.deadlineMs;
    return this.#openedAt + until - performance.now();
  }

  #whyLate(): string {
    const seconds = (this.#state === undefined ? this.#round.startMs : this.#round.deadlineMs) / 1000;
    return `it has not answered within ${seconds} ${seconds === 1 ? "second" : "seconds"}${this.#askedFor()}`;
  }

  /** Where it stays. */
  #askedFor(): string {
    const part = this.#asked === 0 ? undefined : PARTS[this.#asked - 1];
    if (this.#state === undefined || part === undefined) return "";
    return `, after its ${part}`;
  }

  #canHandOver(): boolean {
    return this.#state !== undefined && this.#waiting.length > 0 && HAND_OVER_MS < this.#round.deadlineMs;
  }

  #handOver(): void {
    const rest = this.#waiting;
    this.#waiting = [];
    if (rest.length > 0) this.others = askRest(rest, this.#round);
  }

  /** A GPU on which the child stays or ends is sick, and the others are asked anew; without one it is the driver. */
  #giveUp(why: string): void {
    const isOne = this.#state !== undefined;
    this.#settle(why);
    if (isOne) return this.#handOver();
    for (const target of this.#waiting) this.#round.set(sickState(target, `the driver could not be asked: ${why}`));
    this.#waiting = [];
  }

  #settle(sick: string | undefined): void {
    if (this.#state !== undefined) this.#round.set({ ...this.#state, sick: this.#state.sick ?? sick });
    this.#state = undefined;
  }

  #take(line: string): void {
    const event = parseEvent(line);
    if (event === undefined) this.#giveUp("the process that asked it printed something else than an answer");
    else if (event.kind === "open") this.#open(event.target);
    else if (event.kind === "failed") this.#giveUp(event.why);
    else if (event.kind === "done") this.#settle(undefined);
    else if (this.#state !== undefined) {
      this.#state = withEvent(this.#state, event);
      if (event.kind === "part") this.#asked += 1;
    }
  }

  #open(target: string): void {
    this.#waiting = this.#waiting.filter((other) => other !== target);
    this.#state = { target, facts: {}, faults: [], sick: undefined };
    this.#openedAt = performance.now();
    this.#asked = 0;
  }

  async #end(): Promise<string> {
    await this.#child.exited;
    const how = this.#child.signalCode === null ? `code ${this.#child.exitCode}` : this.#child.signalCode;
    return `the process that asked it ended with ${how}${this.#askedFor()}`;
  }
}

function withEvent(state: GpuState, event: Extract<StateEvent, { kind: "part" | "fault" | "sick" }>): GpuState {
  switch (event.kind) {
    case "part":
      return { ...state, facts: { ...state.facts, ...event.facts } };
    case "fault":
      return { ...state, faults: [...state.faults, event.why] };
    case "sick":
      return { ...state, sick: event.why };
  }
}

/** A GPU of which nothing is known. */
export function sickState(target: string, sick: string): GpuState {
  return { target, facts: {}, faults: [], sick };
}
