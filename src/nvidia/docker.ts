import { constants } from "node:os";
import { BerthError, printOut, VERSION } from "../base/index.ts";
import { execRestored, readEnv, type LaunchRecord } from "../linux/index.ts";
import { insertArguments, planDocker } from "./docker-arguments.ts";

/**
 * `nvidia-docker`: docker with `--runtime=nvidia` on every `run` and `create`, and `NV_GPU` as the devices. Becomes docker, with its exit
 * code; `NV_DOCKER` names another program, with words of its own (`sudo docker`). Throws BERTH-L001 when there is none. Source: the
 * nvidia-docker 1 and 2 wrappers.
 */
export function dockerDoor(args: readonly string[], record: LaunchRecord | undefined): number {
  const env = (name: string): string | undefined => (record === undefined ? process.env[name] : readEnv(record, name));
  const { at, inserted, isVersion } = planDocker(args, env("NV_GPU"));
  if (isVersion) printOut(`NVIDIA Docker: ${VERSION}\n`);
  const [program = "docker", ...words] = splitWords(env("NV_DOCKER"));
  const docker = findDocker(program, env("PATH"));
  if (record === undefined) return spawn([docker, ...words, ...insertArguments(args, at, inserted)]);
  // The bytes that came, not their text: an argument need not be UTF-8.
  const raw = insertArguments(record.argv.slice(1), at, inserted.map(toBytes));
  return execRestored(record, docker, [toBytes(program), ...words.map(toBytes), ...raw]);
}

function toBytes(text: string): Uint8Array {
  return Buffer.from(text);
}

function splitWords(text: string | undefined): readonly string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** Its exit code; as a shell has it, 128 and the signal's number when one ended it. */
function spawn(argv: readonly string[]): number {
  const { exitCode, signalCode } = Bun.spawnSync([...argv], { stdio: ["inherit", "inherit", "inherit"] });
  const signal = Object.entries(constants.signals).find(([name]) => name === signalCode);
  return signal === undefined ? exitCode : 128 + signal[1];
}

function findDocker(program: string, path: string | undefined): string {
  const found = Bun.which(program, { PATH: path ?? "/usr/local/bin:/usr/bin:/bin" });
  if (found !== null) return found;
  const message = `Cannot start docker: "${program}" is not in PATH`;
  throw new BerthError({ code: "BERTH-L001", message, remedy: "install docker, or name it in NV_DOCKER" });
}
