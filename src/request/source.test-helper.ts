import { NO_CDI_FILES, type CdiFiles, type RequestSettings, type RequestSource } from "./index.ts";

const SETTINGS: RequestSettings = {
  swarmResources: [],
  annotationPrefixes: ["cdi.k8s.io/"],
  acceptVolumeMounts: true,
  acceptEnvWhenUnprivileged: true,
  defaultKind: undefined,
};

/** What a container says, under the default settings but for volume mounts, which count. */
export function makeSource(
  words: {
    readonly env?: readonly string[];
    readonly bounding?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    /** Destinations on which /dev/null is mounted. */
    readonly mounts?: readonly string[];
    readonly settings?: Partial<RequestSettings>;
    readonly cdiFiles?: CdiFiles;
  } = {},
): RequestSource {
  return {
    env: words.env ?? [],
    boundingCapabilities: words.bounding ?? [],
    annotations: new Map(Object.entries(words.annotations ?? {})),
    mounts: (words.mounts ?? []).map((destination) => ({ source: "/dev/null", destination })),
    settings: { ...SETTINGS, ...words.settings },
    cdiFiles: words.cdiFiles ?? NO_CDI_FILES,
  };
}
