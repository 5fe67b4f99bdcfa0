import { constants } from "node:os";
import { argText, execRestored, type LaunchRecord } from "./launch.ts";

/**
 * Becomes the program `file`, which gets these arguments and everything that was recorded: same number, same terminal, same signals, and its exit code is this process's. Without a launcher's record it is
 * started beside this process, and its exit code comes back; as a shell has it, 128 and the signal's number when one ended it. `variables` take the place of those of their names. Throws BERTH-L004.
 */
export function become(
  record: LaunchRecord | undefined,
  file: string,
  argv: readonly Uint8Array[],
  variables: Readonly<Record<string, string>> = {},
): number {
  if (record !== undefined) return execRestored(withVariables(record, variables), file, argv);
  const words = [file, ...argv.slice(1).map(argText)];
  const { exitCode, signalCode } = Bun.spawnSync(words, {
    stdio: ["inherit", "inherit", "inherit"],
    env: { ...process.env, ...variables },
  });
  const signal = Object.entries(constants.signals).find(([name]) => name === signalCode);
  return signal === undefined ? exitCode : 128 + signal[1];
}

function withVariables(record: LaunchRecord, variables: Readonly<Record<string, string>>): LaunchRecord {
  const names = Object.keys(variables).map((name) => Buffer.from(`${name}=`));
  const kept = record.env.filter((entry) => !names.some((name) => name.equals(entry.subarray(0, name.length))));
  const added = Object.entries(variables).map(([name, value]) => Buffer.from(`${name}=${value}`));
  return { ...record, env: [...kept, ...added] };
}
