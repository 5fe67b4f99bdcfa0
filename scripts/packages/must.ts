import { runProgram, type RunOptions } from "../../src/base/index.ts";

/** Runs a program that must end well; gives back what it printed. */
export function must(argv: readonly string[], options: RunOptions = {}): string {
  const { exitCode, stdout, stderr } = runProgram(argv, options);
  if (exitCode !== 0) throw new Error(`"${argv.join(" ")}" failed: ${Buffer.from(stderr).toString()}`);
  return Buffer.from(stdout).toString();
}
