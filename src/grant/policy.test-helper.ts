import { CAPABILITIES } from "../host/index.ts";
import type { Policy } from "./index.ts";

/** What config.toml's defaults allow. */
export const POLICY: Policy = {
  supportedCapabilities: CAPABILITIES,
  waivesConditions: false,
  ignoreImexChannelRequests: false,
  allowsForwardCompatibility: true,
  extras: { hasSockets: true, hasExplicitLibraries: false, hasGroups: true, hasApplicationProfile: true },
};
