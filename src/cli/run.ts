import { run } from "@stricli/core";
import { resolve } from "node:path";
import { BerthError, printErr, printOut } from "../base/index.ts";
import { readEnv, type LaunchRecord } from "../linux/index.ts";
import { makeApplication } from "./application.ts";
import type { World } from "./context.ts";
import { takeGlobalOptions } from "./global-options.ts";
import { wrapHelp } from "./wrap-help.ts";

/** What a test may put in place of the process's own. */
export interface Surroundings {
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
  readonly env: (name: string) => string | undefined;
}

/**
 * Runs one command of berth. `args` are the words after the program's name. Throws BERTH-U001 for wrong usage, and what the command
 * throws; whoever calls it prints that.
 */
export async function runCli(
  args: readonly string[],
  record: LaunchRecord | undefined,
  surroundings: Surroundings = surroundingsOf(record),
): Promise<number> {
  const { root, rest: all } = takeGlobalOptions(args);
  const { rest, passed } = takePassed(all);
  const named = root ?? surroundings.env("BERTH_ROOT") ?? "";
  const complaints: string[] = [];
  const failures: unknown[] = [];
  // The streams and the exit code are ours: the real ones cost 9 ms and change the terminal.
  const streams: World["process"] & { exitCode?: number | string | null } = {
    stdout: { write: (text) => surroundings.print(wrapHelp(text)) },
    stderr: { write: (text) => void complaints.push(text) },
  };
  const world: World = {
    ...surroundings,
    process: streams,
    namedRoot: named === "" ? undefined : resolve(named),
    executable: process.execPath,
    configSlot: record?.config,
    passed,
    launch: record,
  };
  const application = makeApplication((thrown) => void failures.push(thrown));
  if (rest[0] === "complete") {
    await (await import("./complete.ts")).complete(application, rest.slice(1), world);
    return 0;
  }
  await run(
    application,
    rest.length === 0 ? ["--help"] : rest[0] === "help" ? [...rest.slice(1), "--help"] : rest,
    world,
  );
  if (failures.length > 0) throw BerthError.from(failures[0]);
  const code = Number(streams.exitCode ?? 0);
  // Stricli counts wrong usage in negative numbers.
  if (code < 0) throw wrongUsage(all, complaints);
  return code;
}

/** Splits off what `berth run` hands to an engine, options and all. */
function takePassed(words: readonly string[]) {
  const at = words[0] === "run" ? words.indexOf("--") : -1;
  return at < 0 ? { rest: words, passed: undefined } : { rest: words.slice(0, at), passed: words.slice(at + 1) };
}

function surroundingsOf(record: LaunchRecord | undefined): Surroundings {
  const env = (name: string): string | undefined => (record === undefined ? process.env[name] : readEnv(record, name));
  return { print: printOut, note: printErr, env };
}

function wrongUsage(words: readonly string[], complaints: readonly string[]): BerthError {
  const lines = complaints.join("").split("\n");
  const why = lines.filter((line) => line !== "").join("; ");
  const message = `Cannot understand "berth ${words.join(" ")}": ${why}`;
  const isMisplaced = words.some((word) => /^--(root|debug)(=|$)/.test(word));
  const isUndivided = words[0] === "run" && !words.includes("--");
  const remedy = isMisplaced
    ? "put --root DIR and --debug before the command: berth --root DIR host"
    : isUndivided
      ? "put what is the engine's behind --: berth run -g any:2 -- IMAGE COMMAND"
      : 'see "berth --help", or --help after a command';
  return new BerthError({ code: "BERTH-U001", message, remedy });
}
