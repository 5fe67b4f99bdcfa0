import type { AskedChild } from "../base/index.ts";

/** A line that is longer is none of ours. */
const MAX_CHARACTERS = 1024 * 1024;

interface Chunk {
  readonly done: boolean;
  readonly value?: Uint8Array | undefined;
}

/** The lines of a child's output, each waited for no longer than it may take. */
export class LineReader {
  readonly #reader: { read(): Promise<Chunk>; cancel(): Promise<void> };
  readonly #decoder = new TextDecoder();
  #text = "";
  /** One that was not waited out. */
  #reading: Promise<Chunk> | undefined;

  constructor(child: AskedChild) {
    this.#reader = child.stdout.getReader();
  }

  /** The next whole line; "late" after that many milliseconds; undefined at the end. */
  async next(timeoutMs: number): Promise<{ readonly line: string } | "late" | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), Math.max(0, timeoutMs));
    });
    try {
      for (;;) {
        const line = this.#take();
        if (line !== undefined) return { line };
        this.#reading ??= this.#reader.read();
        const chunk = await Promise.race([this.#reading, late]);
        if (chunk === "late") return "late";
        this.#reading = undefined;
        if (chunk.done || this.#text.length > MAX_CHARACTERS) return undefined;
        this.#text += this.#decoder.decode(chunk.value, { stream: true });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  #take(): string | undefined {
    const end = this.#text.indexOf("\n");
    if (end === -1) return undefined;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }
}
