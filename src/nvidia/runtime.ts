import { join } from "node:path";
import {
  carryOut,
  formatStep,
  goingWithout,
  leaseNamed,
  planContainer,
  readRecorded,
  settleWish,
  withLease,
  writeSpec,
  type ContainerInput,
  type ContainerPlan,
  type LeaseScene,
  type PlannedContainer,
} from "../apply/index.ts";
import {
  BerthError,
  escapeControls,
  formatProblem,
  openLog,
  printOut,
  VERSION,
  type Log,
  type LogSink,
} from "../base/index.ts";
import { findLowLevel, loadConfig, rememberLowLevel, type Config, type Mode } from "../config/index.ts";
import { hostOptions, loadHost, type Host } from "../host/index.ts";
import { argText, execRestored, readEnv, type LaunchRecord } from "../linux/index.ts";
import { isCreation, readBundle, readRuntimeArgs, type RuntimeArgs } from "../oci/index.ts";
import { requestSigns } from "../request/index.ts";

const DEFAULT_CONFIG = "/etc/nvidia-container-runtime/config.toml";
const DEFAULT_STATE = "/run/berth";
/** Of the OCI runtime specification. */
const SPEC_VERSION = "1.3.0";

interface Call {
  readonly record: LaunchRecord;
  readonly args: RuntimeArgs;
  readonly config: Config;
  readonly log: Log;
}

/**
 * `nvidia-container-runtime`: `create` and `run` edit the bundle's spec for the GPUs that the container asks for; then this process becomes
 * the low-level runtime, with its arguments, environment and exit code. On a failure nothing has been changed, the low-level runtime is
 * not started, and the error is in runc's `--log` file too. Throws a BerthError. Rules: the NVIDIA Container Runtime's command line.
 */
export async function runtimeDoor(record: LaunchRecord | undefined): Promise<never> {
  if (record === undefined) throw noLauncher();
  freezePrototypes();
  const args = readRuntimeArgs(record.argv.slice(1).map(argText));
  let log = openRuntimeLog(args, undefined);
  try {
    const config = loadConfig({ get: (name) => readEnv(record, name) }, record.config, {
      mode: modeOf(record.program),
    });
    log = openRuntimeLog(args, config);
    for (const warning of config.warnings) log.warn(warning);
    return await handle({ record, args, config, log });
  } catch (thrown) {
    const error = BerthError.from(thrown);
    log.error(formatProblem(record.program, error));
    throw error;
  }
}

/** `.cdi` and `.legacy` behind the name stand in place of the configuration's mode. */
function modeOf(program: string): Mode | undefined {
  if (program.endsWith(".cdi")) return "cdi";
  return program.endsWith(".legacy") ? "legacy" : undefined;
}

/** Waits for nothing where GPUs are named. */
async function handle(call: Call): Promise<never> {
  const { record, args, config, log } = call;
  const path = readEnv(record, "PATH");
  const lowLevel = findLowLevel({ candidates: config.runtimes, path, self: process.execPath });
  if (args.isVersion) printOut(`NVIDIA Container Runtime version ${VERSION}\nspec: ${SPEC_VERSION}\n\n`);
  else if (isCreation(args)) await editBundle(call, lowLevel);
  remember(call, path, lowLevel);
  log.debug(`starting "${lowLevel}"`);
  return execRestored(record, lowLevel, [Buffer.from(lowLevel), ...record.argv.slice(1)]);
}

/** Looked at only where there is a lease to be taken. */
type SceneOf = (host: Host) => Promise<LeaseScene>;

async function editBundle(call: Call, lowLevel: string): Promise<void> {
  const { args, config, log } = call;
  const bundle = readBundle(args.bundle);
  const containerId = args.containerId ?? "";
  log.debug(`create "${containerId}", bundle "${bundle.dir}"`);
  const stateDir = stateFolder(call);
  const input: ContainerInput = {
    bundle,
    containerId,
    stateDir,
    config,
    recorded: readRecorded(bundle, containerId, config),
    loadHost: (isRefresh) => findHost(call, stateDir, isRefresh),
  };
  const result = planContainer(input);
  const scene: SceneOf = async (host) => {
    const { leaseScene } = await import("./runtime-scene.ts");
    return leaseScene({ host, config, bundle, args, record: call.record, lowLevel });
  };
  if (result.kind !== "wish") return carryOutPlan(call, input, await lease(call, result, scene));
  const settled = await settleWish(result.request, result.wish, await scene(input.loadHost(false)));
  for (const warning of settled.warnings) log.warn(escapeControls(warning));
  const planned = planContainer({ ...input, settled });
  return carryOutPlan(call, input, planned.kind === "planned" ? withLease(planned, settled.lease) : planned);
}

/** What is named is held against the leases of others. */
async function lease({ log }: Call, result: ContainerPlan, scene: SceneOf): Promise<ContainerPlan> {
  if (result.kind !== "planned") return result;
  const named = await leaseNamed(result, scene);
  for (const warning of named.warnings) log.warn(escapeControls(warning));
  return withLease(result, named.lease);
}

function carryOutPlan({ log }: Call, { bundle, stateDir }: ContainerInput, result: ContainerPlan): void {
  switch (result.kind) {
    case "nothing":
      for (const wish of result.ignored) log.warn(escapeControls(wish));
      return log.debug(`"${bundle.configPath}" stays as it is: ${result.reason}`);
    case "refused":
      throw asError(result.problem);
    case "wish":
      throw new TypeError("a wish was settled, and is one again");
    case "without":
      log.warn(escapeControls(goingWithout(result.reason)));
      return writeSpec(result.spec, bundle);
    case "injected":
      for (const warning of result.warnings) log.warn(escapeControls(warning));
      log.debug(`CDI devices from files: ${result.devices.join(", ")}`);
      return writeSpec(result.spec, bundle);
    case "planned":
      logPlan(result, log);
      carryOut(result.plan, { bundle, rootfs: result.rootfs, stateDir, now: new Date() });
      return result.rootfs.close();
  }
}

function asError(problem: ConstructorParameters<typeof BerthError>[0]): BerthError {
  return problem instanceof BerthError ? problem : new BerthError(problem);
}

/** The host's files and berth's own files about it lie under one root. */
function stateFolder({ record, config }: Call): string {
  return record.state ?? join(config.root, "run/berth");
}

function findHost({ config, log }: Call, stateDir: string, isRefresh: boolean): Host {
  const options = { ...hostOptions(config), stateDir, version: VERSION, isRefresh };
  const { host, source, reason, unsaved } = loadHost(config.root, options);
  log.debug(`host "${config.root}" from ${source === "cache" ? "the cache" : "its files"}: ${reason}`);
  if (unsaved !== undefined) log.debug(`the description of the host is not kept: ${unsaved}`);
  for (const warning of host.warnings) log.debug(`host: ${warning}`);
  return host;
}

function logPlan({ plan }: PlannedContainer, log: Log): void {
  for (const warning of plan.warnings) log.warn(warning);
  if (!log.isDebug) return;
  for (const step of plan.steps) log.debug(formatStep(step));
}

/** For the launcher, which otherwise starts berth for every call; that it cannot be kept stops nothing. */
function remember({ record, config, log }: Call, path: string | undefined, lowLevel: string): void {
  const isElsewhere = ["NVIDIA_CTK_CONFIG_FILE_PATH", "XDG_CONFIG_HOME"].some(
    (name) => readEnv(record, name) !== undefined,
  );
  if (record.config === undefined && isElsewhere) return;
  try {
    const lookup = {
      executable: process.execPath,
      config: record.config ?? DEFAULT_CONFIG,
      search: path ?? "",
      runtime: lowLevel,
      // A debug log says of every container what became of it, and a label stands in no spec.
      signs: isVerbose(config) || config.leases.readsDockerLabels ? undefined : requestSigns(config),
    };
    rememberLowLevel(record.state ?? DEFAULT_STATE, lookup);
  } catch (error) {
    log.debug(`the low-level runtime is not remembered: ${String(error)}`);
  }
}

function isVerbose({ debug, logLevel }: Config): boolean {
  return hasLogFile(debug) && (logLevel === "debug" || logLevel === "trace");
}

function hasLogFile(debug: string): boolean {
  return debug !== "" && debug !== "/dev/null";
}

/** runc's `--log` file in its format, and the configuration's `debug` file; none for `--version`. */
function openRuntimeLog(args: RuntimeArgs, config: Config | undefined): Log {
  if (args.isVersion) return openLog([], "error", now);
  const sinks: LogSink[] = [];
  if (config !== undefined && hasLogFile(config.debug)) sinks.push({ path: config.debug, format: "text" });
  if (args.log !== undefined && args.log !== "")
    sinks.push({ path: args.log, format: args.logFormat === "json" ? "json" : "text" });
  return openLog(sinks, args.isDebug ? "debug" : (config?.logLevel ?? "info"), now);
}

function now(): Date {
  return new Date();
}

/** Nothing that is read here can change what every object has. */
function freezePrototypes(): void {
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype]) Object.freeze(prototype);
}

function noLauncher(): BerthError {
  return new BerthError({
    code: "BERTH-L003",
    message:
      "Cannot work as a container runtime: this program was not started by its launcher, so what the container would inherit is not known",
    remedy: "start the nvidia-container-runtime in berth's bin folder",
  });
}
