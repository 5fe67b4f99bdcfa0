import type { CliConfig, Config, FeaturesConfig, LeasesConfig, ModesConfig } from "./config.ts";
import { badValue, isSet, readChoice, readFlag, readNumber, readText, readTexts, type ConfigFile } from "./file.ts";
import { readDisabledHooks, readFeatureFlags, readLogLevel } from "./lenient.ts";
import { CUDA_COMPAT_MODES, LEASE_POLICIES, type Mode } from "./names.ts";
import { joinKeys } from "./switches.ts";
import { warnOfUnknownKeys } from "./unknown-keys.ts";
import {
  readAbsolute,
  readAbsolutes,
  readCapabilities,
  readKind,
  readMode,
  readPrefixes,
  readRoot,
  readVariables,
} from "./values.ts";

/**
 * The configuration that a file states (an empty one: the defaults), in another mode where one is given. Throws C002 for the first value that is not
 * allowed.
 */
export function readConfig(file: ConfigFile, otherMode?: Mode): Omit<Config, "path"> {
  const [flags, hooks, log] = [readFeatureFlags(file), readDisabledHooks(file), readLogLevel(file)];
  const features = readFeatures(file);
  const modes = { ...readModes(file), jitCdiFeatureFlags: flags.names, jitCdiDisableHooks: hooks.names };
  const stated = readMode(file);
  const mode = otherMode ?? stated;
  return {
    warnings: [...flags.warnings, ...hooks.warnings, ...log.warnings, ...warnOfUnknownKeys(file)],
    root: readRoot(file),
    leases: readLeases(file),
    disableRequire: readFlag(file, "disable-require"),
    swarmResources: readVariables(file, "swarm-resource"),
    acceptEnvWhenUnprivileged: readFlag(file, "accept-nvidia-visible-devices-envvar-when-unprivileged"),
    acceptDevicesAsVolumeMounts: readFlag(file, "accept-nvidia-visible-devices-as-volume-mounts"),
    supportedDriverCapabilities: readCapabilities(file, "supported-driver-capabilities"),
    driverRoot: readAbsolute(file, "nvidia-container-cli.root"),
    cli: readCli(file, features),
    debug: readAbsolute(file, "nvidia-container-runtime.debug", [""]),
    logLevel: log.level,
    runtimes: readTexts(file, "nvidia-container-runtime.runtimes"),
    mode,
    modes,
    hookPath: readText(file, "nvidia-container-runtime-hook.path"),
    skipModeDetection: readFlag(file, "nvidia-container-runtime-hook.skip-mode-detection"),
    ctkPath: readText(file, "nvidia-ctk.path"),
    features,
    ...joinKeys({ mode, modes, features }),
  };
}

/** Far more than a machine can hold. */
const MAX_LEASED = 0xffff;

function readLeases(file: ConfigFile): LeasesConfig {
  return {
    policy: readChoice(file, "berth.lease-policy", LEASE_POLICIES),
    isUnchecked: readFlag(file, "berth.lease-unchecked"),
    limit: readNumber(file, "berth.lease-limit", MAX_LEASED),
    choosesByCount: readFlag(file, "berth.choose-by-count"),
    readsDockerLabels: readFlag(file, "berth.docker-labels"),
  };
}

function readCli(file: ConfigFile, features: FeaturesConfig): CliConfig {
  return {
    path: readText(file, "nvidia-container-cli.path"),
    environment: readTexts(file, "nvidia-container-cli.environment"),
    debug: readText(file, "nvidia-container-cli.debug"),
    ldcache: readText(file, "nvidia-container-cli.ldcache"),
    loadKmods: readFlag(file, "nvidia-container-cli.load-kmods"),
    noPivot: readFlag(file, "nvidia-container-cli.no-pivot"),
    noCgroups: readFlag(file, "nvidia-container-cli.no-cgroups"),
    user: readText(file, "nvidia-container-cli.user"),
    ldconfig: readLdconfig(file, features),
  };
}

/** No file of an image is ever run: a path without "@" is one of the container's. */
function readLdconfig(file: ConfigFile, features: FeaturesConfig): string | undefined {
  const key = "nvidia-container-cli.ldconfig";
  if (!isSet(file, key)) return undefined;
  const path = readText(file, key);
  if (path.startsWith("@") || features.allowLdconfigFromContainer) return path;
  throw badValue(file, key, { wanted: `a path of the host, which begins with "@" (as "@/sbin/ldconfig")` });
}

/** All but the two lists of names, where an unknown one is no error. */
function readModes(file: ConfigFile): Omit<ModesConfig, "jitCdiFeatureFlags" | "jitCdiDisableHooks"> {
  const compat = "nvidia-container-runtime.modes.legacy.cuda-compat-mode";
  return {
    csvMountSpecPath: readAbsolute(file, "nvidia-container-runtime.modes.csv.mount-spec-path"),
    csvCompatContainerRoot: readAbsolute(file, "nvidia-container-runtime.modes.csv.compat-container-root"),
    cdiSpecDirs: readAbsolutes(file, "nvidia-container-runtime.modes.cdi.spec-dirs"),
    cdiDefaultKind: readKind(file, "nvidia-container-runtime.modes.cdi.default-kind"),
    cdiAnnotationPrefixes: readPrefixes(file, "nvidia-container-runtime.modes.cdi.annotation-prefixes"),
    legacyCudaCompatMode: readChoice(file, compat, CUDA_COMPAT_MODES),
  };
}

function readFeatures(file: ConfigFile): FeaturesConfig {
  return {
    allowCudaCompatLibsFromContainer: readFlag(file, "features.allow-cuda-compat-libs-from-container"),
    allowLdconfigFromContainer: readFlag(file, "features.allow-ldconfig-from-container"),
    allowUnknownOciSpecFields: readFlag(file, "features.allow-unknown-oci-spec-fields"),
    disableCudaCompatLibHook: readFlag(file, "features.disable-cuda-compat-lib-hook"),
    disableImexChannelCreation: readFlag(file, "features.disable-imex-channel-creation"),
    ignoreImexChannelRequests: readFlag(file, "features.ignore-imex-channel-requests"),
    noAdditionalGidsForDeviceNodes: readFlag(file, "features.no-additional-gids-for-device-nodes"),
  };
}
