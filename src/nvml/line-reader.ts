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
  #wake: (() => void) | undefined;

  constructor({ stdout }: { readonly stdout: ReadableStream<Uint8Array> }) {
    this.#reader = stdout.getReader();
  }

  /** Whoever waits for a line gets "woken" in place of it. */
  wake(): void {
    this.#wake?.();
  }

  /** The next whole line; "late" after that many milliseconds, never where they are undefined; undefined at the end. */
  async next(timeoutMs: number | undefined): Promise<{ readonly line: string } | "late" | "woken" | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late" | "woken">((resolve) => {
      this.#wake = () => resolve("woken");
      if (timeoutMs !== undefined) timer = setTimeout(() => resolve("late"), Math.max(0, timeoutMs));
    });
    try {
      for (;;) {
        const line = this.#take();
        if (line !== undefined) return { line };
        this.#reading ??= this.#reader.read();
        const chunk = await Promise.race([this.#reading, late]);
        if (chunk === "late" || chunk === "woken") return chunk;
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
