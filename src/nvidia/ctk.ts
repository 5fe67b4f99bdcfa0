import { BerthError, escapeControls, printErr, printOut } from "../base/index.ts";
import { hardenHook, readEnv, type LaunchRecord } from "../linux/index.ts";
import { HOOK_GROUP, runHook } from "./cdi-hook.ts";
import { isOn, parseCommandLine, type Outcome } from "./command-line.ts";
import { CDI_GENERATE } from "./ctk-cdi-generate.ts";
import { CDI_LIST } from "./ctk-cdi-list.ts";
import { CDI_TRANSFORM } from "./ctk-cdi-transform.ts";
import { CONFIG } from "./ctk-config.ts";
import type { CtkCall, CtkCommand, CtkWorld } from "./ctk-command.ts";
import { RUNTIME } from "./ctk-runtime.ts";
import { SYSTEM } from "./ctk-system.ts";
import { formatLogLine, LOG_FLAGS } from "./ctk-log.ts";

const CDI: CtkCommand = {
  name: "cdi",
  usage: "CDI files of this machine",
  subcommands: [CDI_GENERATE, CDI_LIST, CDI_TRANSFORM],
};

/** The hooks of nvidia-cdi-hook, as files that an older toolkit generated name them. */
const HOOK: CtkCommand = {
  ...HOOK_GROUP,
  run: ({ path, values, args }) => {
    hardenHook();
    return runHook(path[1], { values, args });
  },
};

const INFO: CtkCommand = { name: "info", usage: "Information about this machine", subcommands: [] };

/** The whole program: what is not here is an unknown command. */
const CTK: CtkCommand = {
  name: "nvidia-ctk",
  usage: "Tools of the NVIDIA Container Toolkit",
  flags: [
    ...LOG_FLAGS,
    {
      kind: "text",
      name: "config",
      env: ["NVIDIA_CTK_CONFIG"],
      usage: "the configuration file that defaults come from",
    },
  ],
  subcommands: [CDI, CONFIG, HOOK, INFO, RUNTIME, SYSTEM],
};

/**
 * `nvidia-ctk` with its exit codes: 0 done and help, 1 failed or wrong usage, 3 unknown command. Data and help go to stdout, log lines to stderr; an
 * error is one of them and is not thrown. Rules: peer-behaviour 1.1 to 1.3.
 */
export async function ctkDoor(args: readonly string[], record: LaunchRecord | undefined): Promise<number> {
  const env = (name: string): string | undefined => (record === undefined ? process.env[name] : readEnv(record, name));
  const outcome = parseCommandLine(CTK, args, env);
  if (outcome.kind === "print") return print(outcome);
  try {
    return (await runCommand(outcome, { env, executable: process.execPath, configSlot: record?.config })) ?? 0;
  } catch (thrown) {
    const { code, message, remedy } = BerthError.from(thrown);
    logError(`${code}: ${message}; remedy: ${remedy}`);
    return 1;
  }
}

function print({ out, err, error, exitCode }: Extract<Outcome, { kind: "print" }>): number {
  printOut(out);
  printErr(err);
  if (error !== undefined) logError(error);
  return exitCode;
}

async function runCommand(
  { path, values, args }: Extract<Outcome, { kind: "run" }>,
  world: CtkWorld,
): Promise<number | undefined> {
  const isQuiet = isOn(values, "quiet");
  const note = (level: "info" | "warning") => (text: string) => {
    if (!isQuiet) printErr(formatLogLine(level, escapeControls(text)));
  };
  const call: CtkCall = { path, values, args, world, info: note("info"), warn: note("warning") };
  return (await findRun(path)?.(call)) ?? undefined;
}

/** The outermost command of the path that does something: a group that does speaks for all below it. */
function findRun(path: readonly string[]): CtkCommand["run"] {
  let command: CtkCommand | undefined = CTK;
  for (const name of path) {
    command = command?.subcommands?.find((each) => each.name === name);
    if (command?.run !== undefined) return command.run;
  }
  return undefined;
}

function logError(text: string): void {
  printErr(formatLogLine("error", escapeControls(text)));
}
