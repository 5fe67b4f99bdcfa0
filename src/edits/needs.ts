import type { Grant } from "../grant/index.ts";
import type { Capability } from "../host/index.ts";

/**
 * Why a grant includes something that `capabilities` need (any one is enough; none: every container with the driver needs it).
 * Undefined: it does not.
 */
export function whyNeeded(grant: Grant, capabilities: readonly Capability[]): string | undefined {
  if (capabilities.length === 0) return "every container with the driver";
  const granted = grant.capabilities.find(({ name }) => capabilities.includes(name));
  return granted === undefined ? undefined : `capability ${granted.name}: ${granted.reason}`;
}
