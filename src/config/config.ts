import type { LogLevel } from "../base/index.ts";
import { badValue, choiceOf, flagOf, tableAt, textOf, textsOf, type Table } from "./table.ts";

const MODES = ["auto", "legacy", "csv", "cdi", "jit-cdi"] as const;
export type Mode = (typeof MODES)[number];

/**
 * The keys of `nvidia-container-runtime/config.toml`, with the defaults of nvidia-container-toolkit 1.20, and berth's
 * own table `[berth]`.
 */
export interface Config {
  /** The file that was read; undefined: there is none, all is default. */
  readonly path: string | undefined;
  /** What was wrong but no error: one sentence each. */
  readonly warnings: readonly string[];

  /** `[berth] root`: the host that is described and served, absolute, without a trailing slash. */
  readonly root: string;

  readonly disableRequire: boolean;
  /** `swarm-resource`: names of variables, without blanks. */
  readonly swarmResources: readonly string[];
  readonly acceptEnvWhenUnprivileged: boolean;
  readonly acceptDevicesAsVolumeMounts: boolean;
  /** Known names only. */
  readonly supportedDriverCapabilities: readonly string[];

  /** `nvidia-container-cli.root`: where the driver is installed, below `root`; "" is `root` itself. */
  readonly driverRoot: string;
  readonly cli: CliConfig;

  /** `nvidia-container-runtime.debug`: a log file; "" or "/dev/null": none. */
  readonly debug: string;
  readonly logLevel: LogLevel;
  /** Low-level runtimes: names or paths, the first that is found is used. */
  readonly runtimes: readonly string[];
  readonly mode: Mode;
  readonly modes: ModesConfig;

  readonly hookPath: string;
  readonly skipModeDetection: boolean;
  readonly ctkPath: string;
  readonly features: FeaturesConfig;
}

/** `[nvidia-container-cli]` but for `root`. */
export interface CliConfig {
  readonly path: string;
  readonly environment: readonly string[];
  readonly debug: string;
  readonly ldcache: string;
  readonly loadKmods: boolean;
  readonly noPivot: boolean;
  readonly noCgroups: boolean;
  readonly user: string;
  /** With its "@"; undefined: the host's own, `/sbin/ldconfig.real` or `/sbin/ldconfig`. */
  readonly ldconfig: string | undefined;
}

/** `[nvidia-container-runtime.modes.*]` */
export interface ModesConfig {
  readonly csvMountSpecPath: string;
  readonly csvCompatContainerRoot: string;
  readonly cdiSpecDirs: readonly string[];
  readonly cdiDefaultKind: string;
  readonly cdiAnnotationPrefixes: readonly string[];
  readonly jitCdiFeatureFlags: readonly string[];
  readonly jitCdiDisableHooks: readonly string[];
  readonly legacyCudaCompatMode: string;
}

/** `[features]` */
export interface FeaturesConfig {
  readonly allowCudaCompatLibsFromContainer: boolean;
  readonly allowLdconfigFromContainer: boolean;
  readonly allowUnknownOciSpecFields: boolean;
  readonly disableCudaCompatLibHook: boolean;
  readonly disableImexChannelCreation: boolean;
  readonly ignoreImexChannelRequests: boolean;
  readonly noAdditionalGidsForDeviceNodes: boolean;
}

/** The names of the driver's capabilities, as images and administrators write them. */
const CAPABILITIES: readonly string[] = ["compat32", "compute", "display", "graphics", "ngx", "utility", "video"];

/** A configuration from the top table of a file (an empty one: the defaults). Unknown keys are let be. Throws C002. */
export function readKeys(top: Table): Omit<Config, "path"> {
  const runtime = tableAt(top, "nvidia-container-runtime");
  const hook = tableAt(top, "nvidia-container-runtime-hook");
  const features = readFeatures(tableAt(top, "features"));
  const { level, warnings } = readLogLevel(runtime);
  return {
    warnings,
    root: readRoot(tableAt(top, "berth")),
    disableRequire: flagOf(top, "disable-require", false),
    swarmResources: splitList(textOf(top, "swarm-resource", "")),
    acceptEnvWhenUnprivileged: flagOf(top, "accept-nvidia-visible-devices-envvar-when-unprivileged", true),
    acceptDevicesAsVolumeMounts: flagOf(top, "accept-nvidia-visible-devices-as-volume-mounts", false),
    supportedDriverCapabilities: readCapabilities(top, "supported-driver-capabilities"),
    driverRoot: textOf(tableAt(top, "nvidia-container-cli"), "root", ""),
    cli: readCli(tableAt(top, "nvidia-container-cli"), features),
    debug: textOf(runtime, "debug", "/dev/null"),
    logLevel: level,
    runtimes: textsOf(runtime, "runtimes", ["runc", "crun"]),
    mode: choiceOf(runtime, "mode", MODES, "auto"),
    modes: readModes(tableAt(runtime, "modes")),
    hookPath: textOf(hook, "path", "nvidia-container-runtime-hook"),
    skipModeDetection: flagOf(hook, "skip-mode-detection", false),
    ctkPath: textOf(tableAt(top, "nvidia-ctk"), "path", "nvidia-ctk"),
    features,
  };
}

function readRoot(table: Table): string {
  const root = textOf(table, "root", "/");
  if (!root.startsWith("/") || root.split("/").includes(".."))
    throw badValue(table, "root", `an absolute path without ".."`);
  return root.replace(/\/+$/, "") || "/";
}

function readCapabilities(table: Table, key: string): readonly string[] {
  const names = splitList(textOf(table, key, "all"));
  if (names.includes("all")) return CAPABILITIES;
  if (names.every((name) => CAPABILITIES.includes(name))) return names;
  throw badValue(table, key, `a comma list of ${CAPABILITIES.join(", ")}, or "all"`);
}

/** No file of an image is ever run: a path without "@" is one of the container's. */
function readLdconfig(table: Table, features: FeaturesConfig): string | undefined {
  const path = textOf(table, "ldconfig", "");
  if (path === "" && !Object.hasOwn(table.fields, "ldconfig")) return undefined;
  if (path.startsWith("@") || features.allowLdconfigFromContainer) return path;
  throw badValue(table, "ldconfig", `a path of the host, which begins with "@" (as "@/sbin/ldconfig")`);
}

function readCli(table: Table, features: FeaturesConfig): CliConfig {
  return {
    path: textOf(table, "path", ""),
    environment: textsOf(table, "environment", []),
    debug: textOf(table, "debug", ""),
    ldcache: textOf(table, "ldcache", ""),
    loadKmods: flagOf(table, "load-kmods", true),
    noPivot: flagOf(table, "no-pivot", false),
    noCgroups: flagOf(table, "no-cgroups", false),
    user: textOf(table, "user", ""),
    ldconfig: readLdconfig(table, features),
  };
}

function readModes(modes: Table): ModesConfig {
  const csv = tableAt(modes, "csv");
  const cdi = tableAt(modes, "cdi");
  const jitCdi = tableAt(modes, "jit-cdi");
  return {
    csvMountSpecPath: textOf(csv, "mount-spec-path", "/etc/nvidia-container-runtime/host-files-for-container.d"),
    csvCompatContainerRoot: textOf(csv, "compat-container-root", ""),
    cdiSpecDirs: textsOf(cdi, "spec-dirs", ["/etc/cdi", "/var/run/cdi"]),
    cdiDefaultKind: textOf(cdi, "default-kind", "nvidia.com/gpu"),
    cdiAnnotationPrefixes: textsOf(cdi, "annotation-prefixes", ["cdi.k8s.io/"]),
    jitCdiFeatureFlags: textsOf(jitCdi, "nvcdi-feature-flags", []),
    jitCdiDisableHooks: textsOf(jitCdi, "nvcdi-disable-hooks", []),
    legacyCudaCompatMode: textOf(tableAt(modes, "legacy"), "cuda-compat-mode", "ldconfig"),
  };
}

function readFeatures(table: Table): FeaturesConfig {
  return {
    allowCudaCompatLibsFromContainer: flagOf(table, "allow-cuda-compat-libs-from-container", false),
    allowLdconfigFromContainer: flagOf(table, "allow-ldconfig-from-container", false),
    allowUnknownOciSpecFields: flagOf(table, "allow-unknown-oci-spec-fields", false),
    disableCudaCompatLibHook: flagOf(table, "disable-cuda-compat-lib-hook", false),
    disableImexChannelCreation: flagOf(table, "disable-imex-channel-creation", false),
    ignoreImexChannelRequests: flagOf(table, "ignore-imex-channel-requests", false),
    noAdditionalGidsForDeviceNodes: flagOf(table, "no-additional-gids-for-device-nodes", false),
  };
}

/** The names of logrus; one that it does not know is a warning and means `info`, as the peer has it. */
function readLogLevel(table: Table): { level: LogLevel; warnings: readonly string[] } {
  const text = textOf(table, "log-level", "info");
  const level = parseLogLevel(text.toLowerCase());
  if (level !== undefined) return { level, warnings: [] };
  const warning = `"${table.prefix}log-level" in "${table.path}" is "${text}", which is no log level: "info" is used`;
  return { level: "info", warnings: [warning] };
}

function parseLogLevel(name: string): LogLevel | undefined {
  switch (name) {
    case "trace":
    case "debug":
    case "info":
    case "warning":
    case "error":
      return name;
    case "warn":
      return "warning";
    case "fatal":
    case "panic":
      return "error";
    default:
      return undefined;
  }
}

function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
