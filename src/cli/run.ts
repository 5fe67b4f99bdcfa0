import { run } from "@stricli/core";
import { resolve } from "node:path";
import { printErr, printOut } from "../base/index.ts";
import { readEnv, type LaunchRecord } from "../linux/index.ts";
import { makeApplication } from "./application.ts";
import type { World } from "./context.ts";
import { takeGlobalOptions } from "./global-options.ts";

/** The world as a test may replace it. */
export type Output = Pick<World, "print" | "note">;

/**
 * Runs one command of berth and gives back the exit code: 0 done, 1 failed, 2 wrong usage. `args` are the words after the program's
 * name. Throws BERTH-U001 for wrong global options.
 */
export async function runCli(
  args: readonly string[],
  record: LaunchRecord | undefined,
  output: Output = { print: printOut, note: printErr },
): Promise<number> {
  const { root, rest } = takeGlobalOptions(args);
  const env = (name: string): string | undefined => (record === undefined ? process.env[name] : readEnv(record, name));
  // The streams and the exit code are ours: the real ones cost 9 ms and change the terminal.
  const streams: World["process"] & { exitCode?: number | string | null } = {
    stdout: { write: output.print },
    stderr: { write: output.note },
  };
  const world: World = {
    process: streams,
    root: resolve(root ?? env("BERTH_ROOT") ?? "/"),
    env,
    executable: process.execPath,
    configSlot: record?.config,
    ...output,
  };
  await run(makeApplication(), rest.length === 0 ? ["--help"] : rest, world);
  return exitCodeOf(streams.exitCode);
}

/** Stricli counts wrong usage in negative numbers. */
function exitCodeOf(code: number | string | null | undefined): number {
  if (code === undefined || code === null) return 0;
  return Number(code) < 0 ? 2 : Number(code);
}
