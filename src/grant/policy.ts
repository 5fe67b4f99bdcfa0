import type { Config } from "../config/index.ts";
import type { Extras } from "./grant.ts";

/** What the administrator allows. */
export interface Policy {
  /** `supported-driver-capabilities` of config.toml, each a known name. */
  readonly supportedCapabilities: readonly string[];
  /** `disable-require`: images' conditions do not count. */
  readonly waivesConditions: boolean;
  readonly ignoreImexChannelRequests: boolean;
  /** Whether an image's own, newer CUDA libraries may be used. */
  readonly allowsForwardCompatibility: boolean;
  readonly extras: Extras;
}

/** The policy that a configuration states. */
export function policyOf(config: Config): Policy {
  return {
    supportedCapabilities: config.supportedDriverCapabilities,
    waivesConditions: config.disableRequire,
    ignoreImexChannelRequests: config.ignoreImexChannelRequests,
    allowsForwardCompatibility: config.useForwardCompatibility,
    extras: {
      hasSockets: config.mountsSockets,
      hasExplicitLibraries: config.mountsExplicitLibraries,
      hasGroups: config.useAdditionalGids,
      hasApplicationProfile: config.useApplicationProfile,
    },
  };
}
