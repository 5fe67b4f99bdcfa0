import { printOut } from "../../base/index.ts";
import { makeTerminalRaw, terminalSize, type TerminalSize } from "../../linux/index.ts";

/** The other screen, no cursor, no wrapping; all of them of xterm and what follows it (ctlseqs). */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const LEAVE = "\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l";

/** The terminal as one picture. It is as it was before when this is closed, and when the process ends in any way that it hears of. */
export class Screen implements Disposable {
  readonly #restoreAtExit = (): void => this.leave();
  #restore: (() => void) | undefined;
  /** What it shows; empty: nobody knows. */
  #shown: readonly string[] = [];

  /** Undefined: input or output is no terminal. */
  static open(): Screen | undefined {
    if (terminalSize(1) === undefined) return undefined;
    const screen = new Screen();
    screen.enter();
    if (screen.#restore === undefined) return undefined;
    process.on("exit", screen.#restoreAtExit);
    return screen;
  }

  get size(): TerminalSize {
    return terminalSize(1) ?? { columns: 80, rows: 24 };
  }

  enter(): void {
    if (this.#restore !== undefined) return;
    this.#restore = makeTerminalRaw(0);
    if (this.#restore !== undefined) printOut(ENTER);
    this.#shown = [];
  }

  /** As it was before, for as long as it is not entered again. */
  leave(): void {
    if (this.#restore === undefined) return;
    printOut(LEAVE);
    this.#restore();
    this.#restore = undefined;
  }

  /** Gives what is typed, until that is undone; `onEnd`: nothing comes any more, as the terminal has gone. */
  listen(onText: (text: string) => void, onEnd: () => void): () => void {
    // oxlint-disable-next-line no-restricted-properties -- of all readers only this one lets go of a terminal without another key, and it leaves the descriptor blocking
    const input = process.stdin;
    const onData = (chunk: Uint8Array | string): void => onText(chunk.toString());
    // What cannot be read has gone, too.
    input.on("data", onData).on("end", onEnd).on("error", onEnd);
    return () => {
      input.off("data", onData).off("end", onEnd).off("error", onEnd);
      input.pause();
      input.unref();
    };
  }

  /** The next picture is drawn whole. */
  forget(): void {
    if (this.#restore !== undefined) printOut("\u001b[0m\u001b[2J");
    this.#shown = [];
  }

  /** Lines from the top; only those that have changed are written. */
  draw(lines: readonly string[]): void {
    if (this.#restore === undefined) return;
    const changed = lines.flatMap((line, at) => (line === this.#shown[at] ? [] : [`\u001b[${at + 1};1H${line}\u001b[0m\u001b[K`]));
    if (changed.length > 0) printOut(changed.join(""));
    this.#shown = lines;
  }

  [Symbol.dispose](): void {
    this.leave();
    process.off("exit", this.#restoreAtExit);
  }
} // prettier-ignore
