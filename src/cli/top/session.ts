import { setTimeout as sleep } from "node:timers/promises";
import { paintLine } from "../gpus/paint.ts";
import type { Scene } from "../gpus/scene.ts";
import { renderFrame } from "./frame.ts";
import { parseKeys } from "./keys.ts";
import { press } from "./press.ts";
import { Sampler } from "./sampler.ts";
import type { Screen } from "./screen.ts";
import { sendSignal } from "./send-signal.ts";
import type { TopState } from "./top-state.ts";

export interface SessionOptions {
  readonly scene: Scene;
  readonly screen: Screen;
  readonly first: TopState;
  readonly hasColours: boolean;
  readonly isAscii: boolean;
}

/** So long a picture waits for GPUs that do not answer; they are sick a moment later. */
const PATIENCE_MS = 300;
/** What ends it, and what a shell then says of the program. */
const ENDINGS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Draws until a key or a signal ends it. */
export class Session {
  readonly #scene: Scene;
  readonly #screen: Screen;
  readonly #options: SessionOptions;
  readonly #sampler = new Sampler();
  readonly #end = Promise.withResolvers<number>();
  readonly #pause = new AbortController();
  #state: TopState;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#scene = options.scene;
    this.#screen = options.screen;
    this.#state = options.first;
  }

  /** The exit code: 0, or that of a signal. */
  async run(): Promise<number> {
    const stop = this.#listen();
    try {
      this.#draw();
      // What is thrown while it looks ends it; a key or a signal, too.
      return await Promise.race([this.#end.promise, this.#watch()]);
    } finally {
      this.#pause.abort();
      stop();
    }
  }

  async #watch(): Promise<number> {
    for (let isFirst = true; !this.#pause.signal.aborted; isFirst = false) {
      const begun = performance.now();
      const asked = this.#scene.ask().then(() => "all" as const);
      // Before the first answers there is nothing to be drawn.
      const came = await Promise.race([asked, ...(isFirst ? [] : [this.#wait(PATIENCE_MS)])]);
      await this.#look();
      if (came !== "all") {
        await asked;
        await this.#look();
      }
      await this.#wait(begun + this.#state.intervalMs - performance.now());
    }
    return 0;
  }

  async #wait(ms: number): Promise<"waited"> {
    try {
      await sleep(Math.max(0, ms), undefined, { signal: this.#pause.signal });
    } catch (thrown) {
      // It is over; only that ends it early.
      if (!this.#pause.signal.aborted) throw thrown;
    }
    return "waited";
  }

  async #look(): Promise<void> {
    const view = await this.#scene.glance();
    if (this.#pause.signal.aborted) return;
    this.#state = { ...this.#state, ...this.#sampler.take(view), clock: clockOf(new Date()) };
    this.#draw();
  }

  #draw(): void {
    const { hasColours, isAscii } = this.#options;
    const lines = renderFrame(this.#state, { ...this.#screen.size, isAscii });
    this.#screen.draw(lines.map((line) => paintLine(line, hasColours)));
  }

  #redraw(): void {
    this.#screen.forget();
    this.#draw();
  }

  #press(key: string): void {
    const { ui, action } = press(this.#state, key);
    this.#state = { ...this.#state, ui };
    if (action?.kind === "quit") this.#end.resolve(0);
    if (action?.kind === "stop") this.#stop();
    if (action?.kind === "redraw") this.#screen.forget();
    if (action?.kind === "signal") this.#say(sendSignal(action.signal, action.row));
    this.#draw();
  }

  #say(message: string): void {
    this.#state = { ...this.#state, ui: { ...this.#state.ui, message } };
  }

  /** As any program does at Ctrl-Z; the shell's `fg` brings it back. */
  #stop(): void {
    this.#screen.leave();
    process.kill(process.pid, "SIGSTOP");
  }

  #goOn(): void {
    this.#screen.enter();
    this.#draw();
  }

  /** Keys and signals; gives back what ends that. */
  #listen(): () => void {
    const onKeys = (text: string): void => {
      try {
        for (const key of parseKeys(text)) this.#press(key);
      } catch (thrown) {
        this.#end.reject(thrown);
      }
    };
    // A terminal that has gone says nothing any more.
    const onEnd = (): void => this.#end.resolve(ENDINGS.SIGHUP);
    const handlers = {
      SIGINT: () => this.#end.resolve(ENDINGS.SIGINT),
      SIGTERM: () => this.#end.resolve(ENDINGS.SIGTERM),
      SIGHUP: onEnd,
      SIGTSTP: () => this.#stop(),
      SIGCONT: () => this.#goOn(),
      SIGWINCH: () => this.#redraw(),
    } as const;
    const entries = Object.entries(handlers);
    for (const [signal, handler] of entries) process.on(signal, handler);
    const stopListening = this.#screen.listen(onKeys, onEnd);
    return () => {
      stopListening();
      for (const [signal, handler] of entries) process.off(signal, handler);
    };
  }
}

/** "14:03:27", in the machine's own time zone. */
export function clockOf(date: Date): string {
  return date.toTimeString().slice(0, 8);
}
