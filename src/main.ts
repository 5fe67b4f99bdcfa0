import { readFileSync } from "node:fs";
import { BerthError, formatProblem, printErr } from "./base/index.ts";
import { readLaunchRecord, type LaunchRecord } from "./linux/index.ts";

/** Each door is loaded only when it is the one. Gives back the exit code. */
async function enter(program: string, record: LaunchRecord | undefined): Promise<number> {
  if (/^nvidia-container-runtime(\.(cdi|legacy))?$/.test(program)) {
    const { runtimeDoor } = await import("./nvidia/runtime.ts");
    return runtimeDoor(record);
  }
  if (program === "nvidia-docker") {
    const { dockerDoor } = await import("./nvidia/docker.ts");
    return dockerDoor(process.argv.slice(2), record);
  }
  const { runCli } = await import("./cli/index.ts");
  return runCli(process.argv.slice(2), record);
}

/** Which program is this? Bun itself does not say under which name it was started. */
function readProgram(): string {
  const name = readFileSync("/proc/self/cmdline", "utf8").split("\0", 1)[0]?.split("/").at(-1) ?? "";
  return name.startsWith("nvidia-") ? name : "berth";
}

/** The only place that prints an error and sets the exit code. */
async function main(): Promise<number> {
  const program = readProgram();
  try {
    return await enter(program, readLaunchRecord());
  } catch (thrown) {
    const error = BerthError.from(thrown);
    printErr(`${formatProblem(program, error)}\n`);
    if (program === "berth" && process.argv.includes("--debug")) printErr(`${Bun.inspect(error)}\n`);
    return error.code === "BERTH-U001" ? 2 : 1;
  }
}

process.exitCode = await main();
