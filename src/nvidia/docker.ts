import { BerthError, printOut, VERSION } from "../base/index.ts";
import { execRestored, readEnv, type LaunchRecord } from "../linux/index.ts";
import { planDocker } from "./docker-arguments.ts";

/**
 * `nvidia-docker`: docker with `--runtime=nvidia` on every `run` and `create`, and `NV_GPU` as the devices. Becomes docker, with its exit
 * code; `NV_DOCKER` names another program. Throws BERTH-L001 when there is no docker. Source: the nvidia-docker 1 and 2 wrappers.
 */
export function dockerDoor(args: readonly string[], record: LaunchRecord | undefined): number {
  const env = (name: string): string | undefined => (record === undefined ? process.env[name] : readEnv(record, name));
  const plan = planDocker(args, env("NV_GPU"));
  if (plan.isVersion) printOut(`NVIDIA Docker: ${VERSION}\n`);
  const docker = findDocker(env("NV_DOCKER") ?? "docker", env("PATH"));
  if (record === undefined)
    return Bun.spawnSync([docker, ...plan.args], { stdio: ["inherit", "inherit", "inherit"] }).exitCode;
  // Words that were not changed keep their bytes.
  const raw = new Map(args.map((text, index) => [text, record.argv[index + 1]]));
  const argv = plan.args.map((text) => raw.get(text) ?? Buffer.from(text));
  return execRestored(record, docker, [Buffer.from("docker"), ...argv]);
}

function findDocker(program: string, path: string | undefined): string {
  const found = Bun.which(program, { PATH: path ?? "/usr/local/bin:/usr/bin:/bin" });
  if (found !== null) return found;
  const message = `Cannot start docker: "${program}" is not in PATH`;
  throw new BerthError({ code: "BERTH-L001", message, remedy: "install docker, or name it in NV_DOCKER" });
}
