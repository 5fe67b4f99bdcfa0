import { join } from "node:path";
import {
  carryOutChange,
  isAlreadyGranted,
  formatStep,
  openLiveContainer,
  planChange,
  recordDevices,
  trimDriverProc,
  readHookState,
  refuseOwnNamespace,
  wishOf,
  withStateFolder,
  type ChangeInput,
  type HookState,
} from "../apply/index.ts";
import {
  BerthError,
  escapeControls,
  messageOf,
  openLog,
  printErr,
  printOut,
  VERSION,
  type Log,
} from "../base/index.ts";
import { loadConfig, type Config } from "../config/index.ts";
import { policyOf } from "../grant/index.ts";
import { hostOptions, loadHost, type Host } from "../host/index.ts";
import { exitNow, hardenHook, isUserNamespace, readInput, type LaunchRecord } from "../linux/index.ts";
import { readBundle, rootfsPath, type Bundle } from "../oci/index.ts";
import type { Request } from "../request/index.ts";
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
export function runtimeHookDoor(args: readonly string[], record: LaunchRecord | undefined): number {
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
      return exitNow(parsed.name === "prestart" ? prestartOrFail(parsed, record) : 0);
  }
}

type Prestart = Extract<HookArguments, { kind: "command" }>;

function prestartOrFail(parsed: Prestart, record: LaunchRecord | undefined): number {
  try {
    prestart(parsed, record);
    return 0;
  } catch (thrown) {
    printErr(formatPeerError("nvidia-container-cli", thrown));
    return 1;
  }
}

function prestart({ config: named, isDebug }: Prestart, record: LaunchRecord | undefined): void {
  const state = readHookState(readState());
  const bundle = readBundle(state.bundleDir);
  const config = loadConfig({ get: () => undefined }, named || record?.config);
  const log = openHookLog(config, isDebug);
  for (const warning of config.warnings) log.warn(warning);
  if (isAlreadyGranted(bundle.spec)) return log.debug(`"${bundle.dir}": the runtime has given it its GPUs already`);
  const wish = wishOf(bundle, config);
  if (wish.kind === "wish") {
    const stateDir = record?.state ?? join(config.root, "run/berth");
    return give(wish.request, { state, bundle, config, log, stateDir });
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
}

function give(request: Request, scene: Scene): void {
  withStateFolder(scene.stateDir, (stateDir) => giveFrom(request, scene, stateDir));
}

/** `stateDir` is for the container's own files; what is known of the host is kept where it always is. */
function giveFrom(request: Request, scene: Scene, stateDir: string): void {
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
    now: new Date(),
  };
  const planned = planChange(input);
  for (const warning of planned.warnings) log.warn(escapeControls(warning));
  if (log.isDebug) for (const step of planned.plan.steps) log.debug(formatStep(step));
  carryOutChange(input, planned, [trimDriverProc]);
  if (input.hasCgroups) keepRecord(() => recordDevices(input, planned), log);
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
