import { BerthError, formatProblem, printErr } from "./base/index.ts";
import { readLaunchRecord, type LaunchRecord } from "./linux/index.ts";

/** Which program is this? Each door is loaded only when it is the one. Gives back the exit code. */
async function enter(program: string, record: LaunchRecord | undefined): Promise<number> {
  if (/^nvidia-container-runtime(\.cdi|\.legacy)?$/.test(program)) {
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

/** The only place that prints an error and sets the exit code. */
async function main(): Promise<number> {
  let program = process.argv0.split("/").at(-1) ?? "berth";
  try {
    const record = readLaunchRecord();
    program = record?.program ?? program;
    return await enter(program, record);
  } catch (thrown) {
    const error = BerthError.from(thrown);
    printErr(`${formatProblem(program, error)}\n`);
    return error.code === "BERTH-U001" ? 2 : 1;
  }
}

process.exitCode = await main();
