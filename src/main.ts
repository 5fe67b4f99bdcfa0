import { readFileSync } from "node:fs";
import { BerthError, formatProblem, printErr } from "./base/index.ts";
import { readLaunchRecord } from "./linux/index.ts";

/** Each door is loaded only when it is the one. Gives back the exit code. */
async function enter(program: string, args: readonly string[]): Promise<number> {
  switch (program.replace(/\.(cdi|legacy)$/, "")) {
    case "nvidia-container-runtime":
      return (await import("./nvidia/runtime.ts")).runtimeDoor(readLaunchRecord());
    case "nvidia-docker":
      return (await import("./nvidia/docker.ts")).dockerDoor(args, readLaunchRecord());
    case "nvidia-cdi-hook":
      return (await import("./nvidia/cdi-hook.ts")).cdiHookDoor(args);
    case "nvidia-ctk":
      return (await import("./nvidia/ctk.ts")).ctkDoor(args, readLaunchRecord());
    default:
      return (await import("./cli/index.ts")).runCli(args, readLaunchRecord());
  }
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
    return await enter(program, process.argv.slice(2));
  } catch (thrown) {
    const error = BerthError.from(thrown);
    printErr(`${formatProblem(program, error)}\n`);
    if (program === "berth" && process.argv.includes("--debug")) printErr(`${Bun.inspect(error)}\n`);
    return error.code === "BERTH-U001" ? 2 : 1;
  }
}

process.exitCode = await main();
