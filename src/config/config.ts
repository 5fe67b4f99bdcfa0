import type { LogLevel } from "../base/index.ts";
import type { CudaCompatMode, FeatureFlag, HookName, LeasePolicy, Mode } from "./names.ts";

/** `nvidia-container-runtime/config.toml` as values, every key with its default where the file has none. */
export interface Config extends Switches {
  /** The file that was read; undefined: there is none, all is default. */
  readonly path: string | undefined;
  /** What was wrong but no error: one sentence each. */
  readonly warnings: readonly string[];

  /** `[berth] root`: the host that is described and served, absolute, without a trailing slash. */
  readonly root: string;
  readonly leases: LeasesConfig;

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

/** `[berth]` but for `root`: how GPUs are chosen and kept. */
export interface LeasesConfig {
  /** Of GPUs that are named and that somebody else has. */
  readonly policy: LeasePolicy;
  /** The driver is not asked whether a GPU is used. */
  readonly isUnchecked: boolean;
  /** How many devices a user may lease at once; 0: any number. */
  readonly limit: number;
  /** `docker run --gpus N` chooses N. */
  readonly choosesByCount: boolean;
  /** Docker's label `berth.gpus` asks for GPUs. */
  readonly readsDockerLabels: boolean;
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
  /** Absolute. */
  readonly csvMountSpecPath: string;
  /** Absolute, or "": none. */
  readonly csvCompatContainerRoot: string;
  /** Absolute, the last one counts most. */
  readonly cdiSpecDirs: readonly string[];
  /** `vendor/class` */
  readonly cdiDefaultKind: string;
  /** None is empty. */
  readonly cdiAnnotationPrefixes: readonly string[];
  readonly jitCdiFeatureFlags: ReadonlySet<FeatureFlag>;
  /** Every hook, where the file says "all". */
  readonly jitCdiDisableHooks: ReadonlySet<HookName>;
  readonly legacyCudaCompatMode: CudaCompatMode;
}

/** `[features]`, all false by default. */
export interface FeaturesConfig {
  readonly allowCudaCompatLibsFromContainer: boolean;
  readonly allowLdconfigFromContainer: boolean;
  readonly allowUnknownOciSpecFields: boolean;
  readonly disableCudaCompatLibHook: boolean;
  readonly disableImexChannelCreation: boolean;
  readonly ignoreImexChannelRequests: boolean;
  readonly noAdditionalGidsForDeviceNodes: boolean;
}

/** What is to be done, where several keys have a say in it. */
export interface Switches {
  /** Whether the groups that own the device nodes are given to the container's process. */
  readonly useAdditionalGids: boolean;
  /** Whether an image's own, newer CUDA libraries may be used instead of the driver's. */
  readonly useForwardCompatibility: boolean;
  /** Whether the container gets the driver's application profile. */
  readonly useApplicationProfile: boolean;
  /** Whether the sockets of the driver's daemons are mounted. */
  readonly mountsSockets: boolean;
  /** Whether the libraries are mounted that no capability names (`enable-explicit-driver-libraries`). */
  readonly mountsExplicitLibraries: boolean;
  /** Whether requests for IMEX channels count for nothing. */
  readonly ignoreImexChannelRequests: boolean;
}
