import { join } from "node:path";
import {
  carryOutChange,
  isAlreadyGranted,
  formatStep,
  goingWithout,
  leaseNamed,
  onlyNodes,
  openLiveContainer,
  planChange,
  recordDevices,
  trimDriverProc,
  readHookState,
  readRecorded,
  refuseOwnNamespace,
  settleWish,
  wishOf,
  withStateFolder,
  type ChangeInput,
  type HookState,
  type LeaseScene,
  type PlannedChange,
  type Settled,
} from "../apply/index.ts";
import {
  BerthError,
  escapeControls,
  formatProblem,
  messageOf,
  openLog,
  printErr,
  printOut,
  VERSION,
  type Log,
} from "../base/index.ts";
import { loadConfig, type Config } from "../config/index.ts";
import { goesWithout, policyOf } from "../grant/index.ts";
import { hostOptions, loadHost, type Host } from "../host/index.ts";
import {
  exitNow,
  findDeviceCgroup,
  hardenHook,
  isUserNamespace,
  readInput,
  type LaunchRecord,
} from "../linux/index.ts";
import { readBundle, rootfsPath, type Bundle } from "../oci/index.ts";
import type { Recorded, Request } from "../request/index.ts";
import { HOOK_USAGE, parseHookArguments, type HookArguments } from "./hook-arguments.ts";
import { formatPeerError } from "./peer-error.ts";
import { readyHost } from "./prepare-driver.ts";

const MAX_STATE_BYTES = 1024 * 1024;
const STATE_DEADLINE_MS = 10_000;

/**
 * `nvidia-container-runtime-hook`, also called `nvidia-container-toolkit`: what `docker run --gpus` has run before the container's first program. Where the runtime has edited the
 * container's spec already there is nothing left to do. Gives back the exit code: 0 done, 1 failed, 2 wrong usage. Rules: nvidia-container-toolkit 1.20,
 * cmd/nvidia-container-runtime-hook.
 */
export async function runtimeHookDoor(args: readonly string[], record: LaunchRecord | undefined): Promise<number> {
  hardenHook();
  const parsed = parseHookArguments(args);
  switch (parsed.kind) {
    case "help":
      printErr(HOOK_USAGE);
      return 0;
    case "version":
      printOut(`NVIDIA Container Runtime Hook version ${VERSION}\n`);
      return 0;
    case "wrong":
      printErr(`${parsed.why}${HOOK_USAGE}`);
      return 2;
    case "command":
      return exitNow(parsed.name === "prestart" ? await prestartOrFail(parsed, record) : 0);
  }
}

type Prestart = Extract<HookArguments, { kind: "command" }>;

async function prestartOrFail(parsed: Prestart, record: LaunchRecord | undefined): Promise<number> {
  try {
    await prestart(parsed, record);
    return 0;
  } catch (thrown) {
    printErr(formatPeerError("nvidia-container-cli", thrown));
    return 1;
  }
}

/** The hook of a CDI device that leaves open which GPU: what the wish says, and of it what the engine has not given. Gives back the exit code. */
export async function chooseOrFail(list: string, record: LaunchRecord | undefined): Promise<number> {
  const engaged = { list, text: `the CDI device ${list}` };
  try {
    await prestart({ config: undefined, isDebug: false, engaged }, record);
    return 0;
  } catch (thrown) {
    printErr(`${formatProblem("nvidia-cdi-hook", BerthError.from(thrown))}\n`);
    return 1;
  }
}

interface Work extends Pick<Prestart, "config" | "isDebug"> {
  readonly engaged?: Recorded;
}

async function prestart({ config: named, isDebug, engaged }: Work, record: LaunchRecord | undefined): Promise<void> {
  const state = readHookState(readState());
  const bundle = readBundle(state.bundleDir);
  const config = loadConfig({ get: () => undefined }, named || record?.config);
  const log = openHookLog(config, isDebug);
  for (const warning of config.warnings) log.warn(warning);
  if (isAlreadyGranted(bundle.spec)) return log.debug(`"${bundle.dir}": the runtime has given it its GPUs already`);
  const wish = wishOf(bundle, config, { recorded: readRecorded(bundle, state.id, config), engaged });
  if (wish.kind === "wish") {
    const stateDir = record?.state ?? join(config.root, "run/berth");
    return await settleAndGive(wish.request, { state, bundle, config, log, stateDir, isByCdi: engaged !== undefined });
  }
  for (const ignored of wish.ignored) log.warn(escapeControls(ignored));
  log.debug(`"${bundle.dir}": ${escapeControls(wish.reason)}`);
}

interface Scene {
  readonly state: HookState;
  readonly bundle: Bundle;
  readonly config: Config;
  readonly log: Log;
  readonly stateDir: string;
  /** The engine has given the container all but the GPUs. */
  readonly isByCdi: boolean;
}

/** A wish is settled first; a container that can do without a GPU goes without one that is not here. */
async function settleAndGive(request: Request, scene: Scene): Promise<void> {
  const { log } = scene;
  try {
    const settled = await settleRequest(request, scene);
    for (const warning of settled.warnings) log.warn(escapeControls(warning));
    if (settled.request.wants === "nothing") log.warn(escapeControls(goingWithout(settled.why)));
    else await giveFrom(settled, scene);
  } catch (error) {
    if (!(error instanceof BerthError) || !goesWithout(request, error)) throw error;
    log.warn(escapeControls(goingWithout(error.message)));
  }
}

async function settleRequest(request: Request, scene: Scene): Promise<Settled> {
  if (request.wish === undefined) return { request, lease: undefined, why: "", warnings: [] };
  return await settleWish(request, request.wish, leaseScene(findHost(scene, false), scene));
}

/** Init is there already, so the lease is its own. */
function leaseScene(host: Host, { config, bundle, state: { id, pid } }: Scene): LeaseScene {
  const cgroup = findDeviceCgroup(`/proc/${pid}`);
  const cgroups = cgroup === undefined || cgroup.folder === cgroup.mountPoint ? [] : [cgroup.folder];
  const init = { pid, isInit: true, stateFolder: undefined, cgroups };
  return { host, config, bundle, containerId: id, process: init, executable: process.execPath };
}

async function giveFrom(settled: Settled, scene: Scene): Promise<void> {
  await withStateFolder(scene.stateDir, (stateDir) => give(settled, scene, stateDir));
}

/** `stateDir` is for the container's own files; what is known of the host is kept where it always is. */
async function give({ request, lease }: Settled, scene: Scene, stateDir: string): Promise<void> {
  const { state, bundle, config, log } = scene;
  const { spec, dir: bundleDir } = bundle;
  using container = openLiveContainer({ pid: state.pid, rootfs: rootfsPath(bundle), spec, bundleDir });
  refuseOwnNamespace(container);
  const input: ChangeInput = {
    container,
    containerId: state.id,
    request,
    config,
    policy: policyOf(config),
    loadHost: (isRefresh) => findHost(scene, isRefresh),
    stateDir,
    hasCgroups: hasCgroups(config, log),
    select: scene.isByCdi ? onlyNodes : undefined,
    now: new Date(),
  };
  const planned = planChange(input);
  for (const warning of planned.warnings) log.warn(escapeControls(warning));
  if (log.isDebug) for (const step of planned.plan.steps) log.debug(formatStep(step));
  if (lease === undefined) await holdNamed({ request, ...planned }, scene);
  // Of the driver's procfs the engine's own hook takes care then.
  carryOutChange(input, planned, scene.isByCdi ? [] : [trimDriverProc]);
  if (input.hasCgroups) keepRecord(() => recordDevices(input, planned), log);
}

/** What is named is held against the leases of others. */
async function holdNamed(planned: PlannedChange & { readonly request: Request }, scene: Scene): Promise<void> {
  const { warnings } = await leaseNamed(planned, (host) => leaseScene(host, scene));
  for (const warning of warnings) scene.log.warn(escapeControls(warning));
}

/** Without the record nothing of the container is amiss until systemd is told to load its units again. */
function keepRecord(save: () => void, log: Log): void {
  try {
    save();
  } catch (error) {
    log.warn(`what the container was given is not recorded: ${String(error)}`);
  }
}

/** Without root the kernel lets nobody change a container's device permissions; there the engine sets none either. */
function hasCgroups({ cli }: Config, log: Log): boolean {
  if (cli.noCgroups) return false;
  if (!isUserNamespace()) return true;
  log.warn("the container's device permissions stay as they are: without root they cannot be changed (no-cgroups)");
  return false;
}

function findHost({ config, log, stateDir }: Scene, isRefresh: boolean): Host {
  const find = (isAnew: boolean): Host => {
    const options = { ...hostOptions(config), stateDir, version: VERSION, isRefresh: isAnew };
    const { host, source, reason } = loadHost(config.root, options);
    log.debug(`host "${config.root}" from ${source === "cache" ? "the cache" : "its files"}: ${reason}`);
    return host;
  };
  const { host: ready, complaints } = readyHost(find(isRefresh), config.cli.loadKmods, () => find(true));
  for (const complaint of complaints) log.warn(escapeControls(complaint));
  return ready;
}

/** The file that the configuration names for nvidia-container-cli; with -debug stderr. */
function openHookLog({ cli, logLevel }: Config, isDebug: boolean): Log {
  if (isDebug) return openLog([{ path: "/dev/stderr", format: "text" }], "debug", now);
  const hasFile = cli.debug !== "" && cli.debug !== "/dev/null";
  return openLog(hasFile ? [{ path: cli.debug, format: "text" }] : [], logLevel, now);
}

function now(): Date {
  return new Date();
}

function readState(): Uint8Array {
  try {
    return readInput(0, MAX_STATE_BYTES, STATE_DEADLINE_MS);
  } catch (cause) {
    const message = `Cannot read the container's state: ${messageOf(cause)}`;
    throw new BerthError({ code: "BERTH-S001", message, remedy: "give the container's OCI state on stdin" }, { cause });
  }
}
