import { readFileSync } from "node:fs";
import { BerthError, formatProblem, printErr } from "./base/index.ts";
import { readLaunchRecord, type LaunchRecord } from "./linux/index.ts";

type Door = (args: readonly string[], record: LaunchRecord | undefined) => number | Promise<number>;

const prestart: Door = async (args, record) => (await import("./nvidia/runtime-hook.ts")).runtimeHookDoor(args, record);
const berth: Door = async (args, record) => (await import("./cli/index.ts")).runCli(args, record);

/** Each door is loaded only when it is the one; it gives back the exit code. */
const DOORS: ReadonlyMap<string, Door> = new Map<string, Door>([
  ["nvidia-container-runtime", async (_, record) => (await import("./nvidia/runtime.ts")).runtimeDoor(record)],
  ["nvidia-docker", async (args, record) => (await import("./nvidia/docker.ts")).dockerDoor(args, record)],
  ["nvidia-container-runtime-hook", prestart],
  ["nvidia-container-toolkit", prestart],
  ["nvidia-cdi-hook", async (args, record) => (await import("./nvidia/cdi-hook.ts")).cdiHookDoor(args, record)],
  ["nvidia-container-cli", async (args, record) => (await import("./nvidia/container-cli.ts")).cliDoor(args, record)],
  ["nvidia-ctk", async (args, record) => (await import("./nvidia/ctk.ts")).ctkDoor(args, record)],
]);

/** Which program is this? Bun itself does not say under which name it was started. */
function readProgram(): string {
  const name = readFileSync("/proc/self/cmdline", "utf8").split("\0", 1)[0]?.split("/").at(-1) ?? "";
  return name.startsWith("nvidia-") ? name : "berth";
}

/** 75 is EX_TEMPFAIL of sysexits.h: later it can be different. */
function exitCodeOf({ code }: BerthError): number {
  if (code === "BERTH-A002") return 75;
  return code === "BERTH-U001" ? 2 : 1;
}

/** The only place that prints an error and sets the exit code. */
async function main(): Promise<number> {
  const program = readProgram();
  try {
    const door = DOORS.get(program.replace(/\.(cdi|legacy)$/, "")) ?? berth;
    return await door(process.argv.slice(2), readLaunchRecord());
  } catch (thrown) {
    const error = BerthError.from(thrown);
    printErr(`${formatProblem(program, error)}\n`);
    if (program === "berth" && process.argv.includes("--debug")) printErr(`${Bun.inspect(error)}\n`);
    return program === "berth" ? exitCodeOf(error) : error.code === "BERTH-U001" ? 2 : 1;
  }
}

process.exitCode = await main();
