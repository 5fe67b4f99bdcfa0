import { BerthError, type Problem } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import { probeCuda, type Probe } from "../cuda/index.ts";
import {
  ANSWER_MS,
  askContainerd,
  askCrio,
  askDocker,
  type Asked,
  type AskedDocker,
  type RunningContainerd,
  type RunningCrio,
} from "../engines/index.ts";
import {
  askDriver,
  describeHost,
  hostOptions,
  isSimulated,
  platformOf,
  type Host,
  type SceneOptions,
} from "../host/index.ts";
import { effectiveUid } from "../linux/index.ts";
import type { NvmlAnswer } from "../nvml/index.ts";
import { probeRoot } from "./probe-root.ts";
import { openFiles, type Files } from "./files.ts";

/** Contexts take up to some seconds for each GPU that is asleep. */
const CUDA_MS = 60_000;

/** Who asks, and about which machine. */
export interface SceneInput {
  /** "/" or the folder of a host's root. Absolute. */
  readonly root: string;
  readonly stateDir: string;
  /** The configuration, or the defaults where it cannot be used. */
  readonly config: Config;
  /** Why the configuration cannot be used. */
  readonly configProblem: Problem | undefined;
  readonly env: (name: string) => string | undefined;
  /** berth itself, absolute. */
  readonly executable: string;
}

/** What checks may look at: the machine as an argument. What costs something is looked at once, when it is first asked for. */
export interface Scene extends SceneInput {
  readonly files: Files;
  /** Whether it is this machine, on which commands of `--fix` act. */
  readonly isHere: boolean;
  readonly isSimulated: boolean;
  /** Whether root asks. */
  readonly isRoot: boolean;
  /** Throws BERTH-D004. */
  readonly host: () => Host;
  /** How the host's files are looked for. */
  readonly hostOptions: SceneOptions;
  /** "driver": a machine with NVIDIA's usual driver, or with none. */
  readonly platform: () => ReturnType<typeof platformOf>;
  /** What the driver's own library says of the GPUs, in a child with a deadline. */
  readonly driverAnswer: () => Promise<NvmlAnswer>;
  /** How far CUDA comes, in a child with a deadline. */
  readonly cuda: () => Promise<Probe>;
  /** What the dockerd says that the caller's client would speak to, or why none does. */
  readonly docker: () => Promise<AskedDocker>;
  readonly containerd: () => Asked<RunningContainerd>;
  readonly crio: () => Asked<RunningCrio>;
  /** How a user names it: "berth nodes", "berth --root DIR nodes". */
  readonly berth: (...words: readonly string[]) => readonly string[];
}

/** Sets the scene; a new one after something was changed. */
export function openScene(input: SceneInput): Scene {
  const { root, config, env, executable } = input;
  const engines = { root, env, timeoutMs: ANSWER_MS };
  const options = hostOptions(config);
  const host = once(() => describeHost(root, options));
  return {
    ...input,
    files: openFiles(root),
    isHere: root === "/",
    isSimulated: isSimulated(root),
    isRoot: effectiveUid() === 0,
    host,
    driverAnswer: once(() => askDriver(host(), executable)),
    cuda: once(() => probeCuda({ executable, root: probeRoot(input), deadlineMs: CUDA_MS })),
    docker: once(() => askDocker(engines)),
    containerd: once(() => askContainerd(engines)),
    crio: once(() => askCrio(engines)),
    hostOptions: options,
    platform: once(() => platformOf(root, options)),
    berth: (...words) => ["berth", ...(root === "/" ? [] : ["--root", root]), ...words],
  };
}

/** What `work` gives, or throws, when it is first called. */
export function once<T>(work: () => T): () => T {
  let done: { readonly value: T } | { readonly error: BerthError } | undefined;
  return () => {
    done ??= attempt(work);
    if ("error" in done) throw done.error;
    return done.value;
  };
}

function attempt<T>(work: () => T): { readonly value: T } | { readonly error: BerthError } {
  try {
    return { value: work() };
  } catch (thrown) {
    return { error: BerthError.from(thrown) };
  }
}
