import { errnoCode } from "../../base/index.ts";

/** More of a program's output is not kept. */
const MAX_CHARACTERS = 1024 * 1024;

/** What a client of an engine said, as far as it came. */
export interface ClientOutput {
  /** Undefined: it had not ended at the deadline, or a signal ended it. */
  readonly exitCode: number | undefined;
  readonly isLate: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ClientRun {
  /** All variables that it gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Without it, nothing to read. */
  readonly stdin?: Uint8Array;
}

/**
 * Runs a client to its end, but never longer than its time: then it gets SIGKILL and is left to itself. Its children
 * may go on and keep its descriptors, and are not waited for. One that cannot be started has said why.
 */
export async function runClient(argv: readonly string[], run: ClientRun): Promise<ClientOutput> {
  const child = start(argv, run);
  if (typeof child === "string") return { exitCode: undefined, isLate: false, stdout: "", stderr: child };
  const [stdout, stderr] = [new Listener(child.stdout), new Listener(child.stderr)];
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), run.timeoutMs);
  });
  try {
    const end = await Promise.race([Promise.all([stdout.done, stderr.done, child.exited]), deadline]);
    const exitCode = end === "late" || child.signalCode !== null ? undefined : end[2];
    return { exitCode, isLate: end === "late", stdout: stdout.text, stderr: stderr.text };
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    child.unref();
    await Promise.all([stdout.end(), stderr.end()]);
  }
}

function start(argv: readonly string[], { env, stdin = new Uint8Array() }: ClientRun) {
  try {
    return Bun.spawn([...argv], { cwd: "/", env: { ...env }, stdin, stdout: "pipe", stderr: "pipe" });
  } catch (error) {
    return `"${argv[0]}" cannot be started: ${errnoCode(error) ?? String(error)}`;
  }
}

/** Takes what comes out of a pipe. */
class Listener {
  readonly #decoder = new TextDecoder();
  readonly #reader: { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>; cancel(): Promise<void> };
  readonly done: Promise<void>;
  text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
    this.done = this.#listen();
  }

  async #listen(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      if (this.text.length < MAX_CHARACTERS) this.text += this.#decoder.decode(value, { stream: true });
    }
  }

  async end(): Promise<void> {
    await this.#reader.cancel();
  }
}
