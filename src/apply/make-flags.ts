import { BerthError } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { spellOut } from "../edits/index.ts";
import { decide, policyOf, type Grant } from "../grant/index.ts";
import { hostOptions, type Host } from "../host/index.ts";
import type { Request } from "../request/index.ts";
import { requestFor } from "./cdi-devices.ts";
import { describeNamed } from "./describe-named.ts";
import { dockerFlags, type DockerFlags, type FlagEngine } from "./docker-flags.ts";

/** What the options of an engine are made from. */
export interface FlagsInput {
  /** The host's root. */
  readonly root: string;
  readonly config: Config;
  /** "all", "none", "0,1", "GPU-…", "MIG-…": as NVIDIA_VISIBLE_DEVICES. */
  readonly gpus: string;
  /** As NVIDIA_DRIVER_CAPABILITIES; "" is its default. */
  readonly capabilities: string;
  /** Where the container's loader is to find the libraries, absolute. */
  readonly libraryFolder: string;
  readonly engine: FlagEngine;
  /** berth itself, which asks the driver what no file says. Absolute. */
  readonly executable: string;
}

/** The options of an engine that give a container these GPUs; none for the value `void`. The driver is asked only for names that no file says. Throws the refusal. */
export async function makeFlags(input: FlagsInput): Promise<DockerFlags> {
  const request = requestFor(input.gpus, input.capabilities);
  refuseOfFiles(request);
  if (input.gpus.trim() === "") throw namesNone();
  if (request.wants === "nothing") return { words: [], warnings: [] };
  const { host, grant, warnings } = await grantOf(request, input);
  const layout = { folder: input.libraryFolder, keepsPlaces: host.unit !== undefined };
  const made = dockerFlags(spellOut(grant, host), layout, input.engine);
  return { words: made.words, warnings: [...warnings, ...host.warnings, ...grant.warnings, ...made.warnings] };
}

/** An unset variable of a script, as in `-g "$GPUS"`, must not start a container without a GPU. */
function namesNone(): BerthError {
  return new BerthError({
    code: "BERTH-R002",
    message: "Cannot spell out GPUs: no device is named",
    remedy: 'name some, or say that none is wanted: "none" for the driver alone, "void" for nothing',
  });
}

/** A CDI file holds more than nodes and mounts, and the engine itself takes its names. */
function refuseOfFiles({ cdiDevices: [name] }: Request): void {
  if (name === undefined) return;
  throw new BerthError({
    code: "BERTH-R004",
    message: `Cannot spell out the CDI device ${JSON.stringify(name)}: only the host's own GPUs can be`,
    remedy: `give the name to the engine: --device ${name}`,
  });
}

interface Granted {
  readonly host: Host;
  readonly grant: Grant;
  readonly warnings: readonly string[];
}

/** From the files alone; only where that is refused is the driver asked for names. */
async function grantOf(request: Request, { root, config, executable }: FlagsInput): Promise<Granted> {
  const scene = hostOptions(config);
  const policy = policyOf(config);
  const first = await describeNamed(root, scene, { executable, isNeeded: false });
  const early = decide(request, first.host, policy);
  if (early.kind === "granted") return { ...first, grant: early.grant };
  const second = await describeNamed(root, scene, { executable, isNeeded: early.problem.code === "BERTH-R001" });
  const late = decide(request, second.host, policy);
  if (late.kind === "refused") throw new BerthError(late.problem);
  return { ...second, grant: late.grant };
}
