import type { Config } from "../config/index.ts";

/** What the administrator allows. */
export interface Policy {
  /** `supported-driver-capabilities` of config.toml, each a known name. */
  readonly supportedCapabilities: readonly string[];
  /** `accept-nvidia-visible-devices-envvar-when-unprivileged`: whether a container's own environment is enough. */
  readonly acceptEnvWhenUnprivileged: boolean;
}

/** The policy that a configuration states. */
export function policyOf(config: Config): Policy {
  const { supportedDriverCapabilities, acceptEnvWhenUnprivileged } = config;
  return { supportedCapabilities: supportedDriverCapabilities, acceptEnvWhenUnprivileged };
}
