import { BerthError, printOut, VERSION } from "../base/index.ts";
import { become, readEnv, type LaunchRecord } from "../linux/index.ts";
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
  // The bytes that came, not their text: an argument need not be UTF-8.
  const came = record === undefined ? args.map(toBytes) : record.argv.slice(1);
  return become(
    record,
    docker,
    [program, ...words].map(toBytes).concat(insertArguments(came, at, inserted.map(toBytes))),
  );
}

function toBytes(text: string): Uint8Array {
  return Buffer.from(text);
}

function splitWords(text: string | undefined): readonly string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

function findDocker(program: string, path: string | undefined): string {
  const found = Bun.which(program, { PATH: path ?? "/usr/local/bin:/usr/bin:/bin" });
  if (found !== null) return found;
  const message = `Cannot start docker: "${program}" is not in PATH`;
  throw new BerthError({ code: "BERTH-L001", message, remedy: "install docker, or name it in NV_DOCKER" });
}
