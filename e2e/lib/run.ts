import { runProgram, type RunOptions } from "../../src/base/index.ts";

export interface Output {
  /** -1 when a signal ended the program. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(argv: readonly string[], options: RunOptions = {}): Output {
  const result = runProgram(argv, { timeoutMs: 60_000, ...options });
  return {
    status: result.exitCode ?? -1,
    stdout: Buffer.from(result.stdout).toString(),
    stderr: Buffer.from(result.stderr).toString(),
  };
}

/** Runs a program that must end well, and gives back its standard output. */
export function must(argv: readonly string[], options: RunOptions = {}): string {
  const output = run(argv, options);
  if (output.status !== 0)
    throw new Error(`"${argv.join(" ")}" ended with ${output.status}: ${output.stdout}${output.stderr}`);
  return output.stdout;
}
