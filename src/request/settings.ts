import type { Config } from "../config/index.ts";

/** Where an administrator lets requests come from. */
export interface RequestSettings {
  /** Variables that, where one exists, stand in place of NVIDIA_VISIBLE_DEVICES. */
  readonly swarmResources: readonly string[];
  /** Beginnings of annotations that hold qualified CDI names; none: annotations do not count. */
  readonly annotationPrefixes: readonly string[];
  readonly acceptVolumeMounts: boolean;
  /** Whether the environment of an unprivileged container can ask for devices. */
  readonly acceptEnvWhenUnprivileged: boolean;
  /** The kind of names without one, where every name is a CDI name (mode `cdi`); undefined: they are plain ids. */
  readonly defaultKind: string | undefined;
}

/** What a configuration says of requests. Annotations count where names may be CDI names: in the modes `auto` and `cdi`. */
export function requestSettings(config: Config): RequestSettings {
  const { mode, modes } = config;
  return {
    swarmResources: config.swarmResources,
    annotationPrefixes: mode === "auto" || mode === "cdi" ? modes.cdiAnnotationPrefixes : [],
    acceptVolumeMounts: config.acceptDevicesAsVolumeMounts,
    acceptEnvWhenUnprivileged: config.acceptEnvWhenUnprivileged,
    defaultKind: mode === "cdi" ? modes.cdiDefaultKind : undefined,
  };
}

/** The annotation, and the label of Docker, that asks what NVIDIA_VISIBLE_DEVICES asks. */
export const GPUS_ANNOTATION = "berth.gpus";

/** The word by which a hook of a CDI file says that the GPUs are to be chosen. */
export const CHOOSING_HOOK = "choose-gpus";

/** The names by which every request begins, and the escape that can spell any name. */
const ALWAYS: readonly string[] = ["NVIDIA_VISIBLE_DEVICES", "CUDA_VERSION", GPUS_ANNOTATION, CHOOSING_HOOK, "\\u"];

/**
 * Texts without one of which a `config.json` asks for nothing under a configuration, whatever the mode: one note of them serves the programs of every mode. The
 * launcher looks for them, so that a container without a GPU costs nothing.
 */
export function requestSigns({ swarmResources, modes, acceptDevicesAsVolumeMounts }: Config): readonly string[] {
  // A "/" may stand as "\/" in JSON, so only what is before the first one is looked for.
  const annotations = modes.cdiAnnotationPrefixes.map((prefix) => prefix.split("/")[0] || prefix);
  const mounts = acceptDevicesAsVolumeMounts ? ["nvidia-container-devices"] : [];
  return [...ALWAYS, ...swarmResources, ...annotations, ...mounts];
}
