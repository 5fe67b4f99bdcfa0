import {
  CAPABILITIES,
  describeHost,
  hostOptions,
  learn,
  loadHost,
  type Host,
  type SceneOptions,
} from "../host/index.ts";
import { loadConfig, type Config } from "../config/index.ts";
import { policyOf, type Policy } from "../grant/index.ts";
import { VERSION } from "../base/index.ts";
import { isGiven, lastOf, type ArgpValues } from "./argp.ts";
import type { CtkWorld } from "./ctk-command.ts";
import { insideOf } from "./driver-root.ts";

/** The options before the command's name. */
export interface GlobalFlags {
  /** A log file; "": none. */
  readonly debug: string;
  readonly loadKmods: boolean;
  readonly noPivot: boolean;
  /** Undefined: not given. "": without a value, the caller's own ids. */
  readonly user: string | undefined;
  /** The driver's root; "": that of the configuration. */
  readonly root: string;
  readonly ldcache: string;
  readonly noCreateImexChannels: boolean;
}

export function readGlobalFlags(values: ArgpValues, env: (name: string) => string | undefined): GlobalFlags {
  return {
    debug: isGiven(values, "debug") ? lastOf(values, "debug") : (env("NVC_DEBUG_FILE") ?? ""),
    loadKmods: isGiven(values, "load-kmods"),
    noPivot: isGiven(values, "no-pivot"),
    user: isGiven(values, "user") ? lastOf(values, "user") : undefined,
    root: lastOf(values, "root"),
    ldcache: lastOf(values, "ldcache"),
    noCreateImexChannels: isGiven(values, "no-create-imex-channels"),
  };
}

/** The machine that a call is about, and what is allowed on it. */
export interface CliSite {
  readonly config: Config;
  /** Where the host's files are, `--root` taken into account. */
  readonly options: SceneOptions;
  /** The driver's root is not that of the configuration, so the kept description is of another driver. */
  readonly isElsewhere: boolean;
  /** Every capability may be asked for: which ones a container may have is decided by whoever calls this program. */
  readonly policy: Policy;
}

/** Throws BERTH-C001 and C002. */
export function openCliSite({ root: named }: Pick<GlobalFlags, "root">, world: CtkWorld): CliSite {
  const config = loadConfig({ get: world.env }, world.configSlot);
  const usual = hostOptions(config);
  const driverRoot = named === "" ? usual.driverRoot : insideOf(config.root, named);
  return {
    config,
    options: { ...usual, driverRoot },
    isElsewhere: (driverRoot || "/") !== (usual.driverRoot || "/"),
    policy: { ...policyOf(config), supportedCapabilities: CAPABILITIES },
  };
}

/** From the description that starts of containers keep, where it is of this driver; anew with `isRefresh`. Throws BERTH-D004. */
export function loadCliHost(site: CliSite, isRefresh = false): Host {
  const { config, options, isElsewhere } = site;
  if (isElsewhere) return describeHost(config.root, options);
  return loadHost(config.root, { ...options, stateDir: stateFolder(site), version: VERSION, isRefresh }).host;
}

/** Where berth keeps files of its own: on the host that it is about. */
export function stateFolder({ config: { root } }: CliSite): string {
  return root === "/" ? "/run/berth" : `${root}/run/berth`;
}

/** What the driver had to be asked for, in a child of `executable` with a deadline, and why not all of it is known. */
export async function learnCliHost(
  host: Host,
  { config: { root }, options }: CliSite,
  executable: string,
): Promise<{ readonly host: Host; readonly complaints: readonly string[] }> {
  const { learnt, complaints } = await learn(host, executable);
  return { host: describeHost(root, { ...options, learnt }), complaints };
}

/** Whether an id names something by what no file has said so far: the UUID of a GPU, the UUID or number of a MIG device. */
export function needsDriver(devices: readonly string[], { gpus }: Host): boolean {
  const parts = gpus.flatMap(({ migDevices }) => migDevices);
  return devices.some((id) => {
    if (/^gpu-/i.test(id)) return gpus.some(({ uuid }) => uuid === undefined);
    return /^(mig-|\d+:\d+$)/i.test(id) && parts.some(({ uuid, index }) => uuid === undefined || index === undefined);
  });
}
