export interface RunOptions {
  /** Without it, the caller's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Without it, nothing to read. */
  readonly stdin?: Uint8Array | string;
  /** The program gets SIGKILL after this time: SIGTERM can be blocked by an inherited signal mask. */
  readonly timeoutMs?: number;
  /** The program gets SIGKILL once it has written more than this on one stream. */
  readonly maxBytes?: number;
}

export interface RunResult {
  /** Undefined when a signal ended the program. */
  readonly exitCode: number | undefined;
  /** "SIGKILL" */
  readonly signal: string | undefined;
  readonly isTimedOut: boolean;
  /** It wrote more than `maxBytes`. */
  readonly isTooLong: boolean;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/**
 * Runs a program to its end; `argv[0]` is its path, or a name to be found in PATH. No shell. Throws an error with the
 * code ENOENT or EACCES when it cannot be started. Not for the start path.
 */
export function runProgram(argv: readonly string[], options: RunOptions = {}): RunResult {
  const { env, cwd, stdin, timeoutMs, maxBytes } = options;
  const result = Bun.spawnSync([...argv], {
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    killSignal: "SIGKILL",
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(maxBytes === undefined ? {} : { maxBuffer: maxBytes }),
  });
  const signal = typeof result.signalCode === "string" ? result.signalCode : undefined;
  return {
    // The exit code of a program that a signal ended is null, whatever the type says.
    exitCode: signal === undefined ? result.exitCode : undefined,
    signal,
    isTimedOut: result.exitedDueToTimeout === true,
    isTooLong: result.exitedDueToMaxBuffer === true,
    stdout: result.stdout,
    stderr: result.stderr,
  };
}
