import { messageOf } from "../base/index.ts";
import { CHILD_ENVIRONMENT } from "./ask.ts";
import { PARTS, type GpuState } from "./gpu-state.ts";
import { LineReader } from "./line-reader.ts";
import { parseEvent } from "./parse-event.ts";
import type { StateEvent } from "./tell-states.ts";

/** After this time at one GPU the others go on without waiting for it. */
const HAND_OVER_MS = 200;

export interface WorkerOptions {
  /** The words that start a process which prints the lines of `tellStates` for these GPUs, and then for those of each line. */
  readonly argv: (targets: readonly string[]) => readonly string[];
  /** For each GPU. */
  readonly deadlineMs: number;
  /** For the program itself and the driver's library, before the first GPU. */
  readonly startMs: number;
}

/** What a worker tells of its work. */
export interface WorkerEvents {
  /** A GPU has said all that it says, or is sick; whether it kept the child waiting or ended it. One that was late can say more later. */
  readonly onState: (state: GpuState, isBlocking: boolean) => void;
  /** A GPU keeps it waiting, or it has ended there: these are for another one. */
  readonly onLeft: (worker: Worker, targets: readonly string[]) => void;
}

type Child = Bun.Subprocess<"pipe", "pipe", "ignore">;

/** One child that asks the driver, and the GPUs it is asked for. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #events: WorkerEvents;
  readonly #child: Child | undefined;
  readonly #lines: LineReader | undefined;
  /** Not yet opened. */
  #waiting: readonly string[];
  #state: GpuState | undefined;
  #openedAt = performance.now();
  /** How many parts the GPU has been asked for. */
  #asked = 0;
  /** Its deadline is over, which has been said; it may still answer. */
  #isLate = false;
  #hasEnded = false;
  #isClosed = false;

  constructor(targets: readonly string[], options: WorkerOptions, events: WorkerEvents) {
    this.#options = options;
    this.#events = events;
    this.#waiting = targets;
    const child = start(options.argv(targets));
    if (typeof child === "string") this.#refuse(child);
    else {
      this.#child = child;
      this.#lines = new LineReader(child);
      void this.#follow(this.#lines);
    }
  }

  /** Whether it can be asked again. */
  get isIdle(): boolean {
    return !this.#hasEnded && this.#state === undefined && this.#waiting.length === 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Those that it has been asked for and has not told. */
  get busyWith(): readonly string[] {
    return this.#hasEnded ? [] : [...(this.#state === undefined ? [] : [this.#state.target]), ...this.#waiting];
  }

  /** Only of an idle one. */
  ask(targets: readonly string[]): void {
    this.#waiting = targets;
    this.#openedAt = performance.now();
    this.#isLate = false;
    void this.#child?.stdin.write(`${targets.join(" ")}\n`);
    void this.#child?.stdin.flush();
    this.#lines?.wake();
  }

  /** One that sleeps inside the driver cannot be killed, and is not waited for. */
  close(): void {
    this.#isClosed = true;
    this.#hasEnded = true;
    this.#child?.kill("SIGKILL");
    this.#child?.unref();
    void this.#lines?.close();
  }

  #refuse(why: string): void {
    this.#hasEnded = true;
    const targets = this.#waiting;
    this.#waiting = [];
    // Whoever makes it has to know it first.
    queueMicrotask(() => {
      for (const target of targets) this.#events.onState(sickState(target, why), false);
    });
  }

  async #follow(lines: LineReader): Promise<void> {
    while (!this.#hasEnded) {
      const next = await lines.next(this.#patience());
      if (this.#isClosed) return;
      if (next === "woken") continue;
      if (next === "late" && this.#canHandOver()) this.#handOver();
      else if (next === "late") this.#sayLate();
      else if (next === undefined) this.#giveUp(await this.#end());
      else this.#take(next.line);
    }
    this.close();
  }

  /** Until the rest is handed over, then until the deadline, then for ever; undefined: for ever. */
  #patience(): number | undefined {
    if (this.isIdle || this.#isLate) return undefined;
    const { deadlineMs, startMs } = this.#options;
    const until = this.#state === undefined ? startMs : this.#canHandOver() ? Math.min(HAND_OVER_MS, deadlineMs) : deadlineMs; // prettier-ignore
    return this.#openedAt + until - performance.now();
  }

  #canHandOver(): boolean {
    return this.#state !== undefined && this.#waiting.length > 0 && HAND_OVER_MS < this.#options.deadlineMs;
  }

  #handOver(): void {
    const rest = this.#waiting;
    this.#waiting = [];
    if (rest.length > 0) this.#events.onLeft(this, rest);
  }

  #sayLate(): void {
    this.#isLate = true;
    const { deadlineMs, startMs } = this.#options;
    const seconds = (this.#state === undefined ? startMs : deadlineMs) / 1000;
    const why = `it has not answered within ${seconds} ${seconds === 1 ? "second" : "seconds"}${this.#askedFor()}`;
    const { onState } = this.#events;
    if (this.#state === undefined)
      for (const target of this.#waiting) onState(sickState(target, `the driver could not be asked: ${why}`), false);
    else {
      onState({ ...this.#state, sick: this.#state.sick ?? why }, true);
      this.#handOver();
    }
  }

  /** Where it stays. */
  #askedFor(): string {
    const part = this.#asked === 0 ? undefined : PARTS[this.#asked - 1];
    if (this.#state === undefined || part === undefined) return "";
    return `, after its ${part}`;
  }

  /** A GPU at which the child ends is sick, and the others are asked anew; without one it is the driver. */
  #giveUp(why: string): void {
    this.#hasEnded = true;
    const isOne = this.#state !== undefined;
    this.#settle(why);
    if (isOne) return this.#handOver();
    const targets = this.#waiting;
    this.#waiting = [];
    for (const target of targets)
      this.#events.onState(sickState(target, `the driver could not be asked: ${why}`), false);
  }

  #settle(sick: string | undefined): void {
    const state = this.#state;
    this.#state = undefined;
    this.#isLate = false;
    if (state !== undefined) this.#events.onState({ ...state, sick: state.sick ?? sick }, sick !== undefined);
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
    this.#isLate = false;
  }

  async #end(): Promise<string> {
    await this.#child?.exited;
    const { signalCode = null, exitCode = null } = this.#child ?? {};
    return `the process that asked it ended with ${signalCode ?? `code ${exitCode}`}${this.#askedFor()}`;
  }
}

function start(argv: readonly string[]): Child | string {
  try {
    return Bun.spawn([...argv], { cwd: "/", env: CHILD_ENVIRONMENT, stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  } catch (error) {
    return `"${argv[0]}" cannot be started (${messageOf(error)})`;
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
