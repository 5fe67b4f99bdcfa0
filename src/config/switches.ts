import type { FeaturesConfig, ModesConfig, Switches } from "./config.ts";
import type { Mode } from "./names.ts";

/** The keys that the switches are made of. */
export interface SwitchKeys {
  readonly mode: Mode;
  readonly modes: ModesConfig;
  readonly features: FeaturesConfig;
}

/** Every rule that joins keys. A key that forbids wins. */
export function joinKeys(keys: SwitchKeys): Switches {
  const { features, modes } = keys;
  const [flags, disabledHooks] = [modes.jitCdiFeatureFlags, modes.jitCdiDisableHooks];
  return {
    useAdditionalGids: !features.noAdditionalGidsForDeviceNodes && !flags.has("no-additional-gids-for-device-nodes"),
    useForwardCompatibility:
      !features.disableCudaCompatLibHook && !disabledHooks.has("enable-cuda-compat") && allowsInMode(keys),
    useApplicationProfile: !disabledHooks.has("update-application-profile"),
    mountsSockets: !flags.has("disable-ipc-discoverer"),
    mountsExplicitLibraries: flags.has("enable-explicit-driver-libraries"),
    ignoreImexChannelRequests: features.ignoreImexChannelRequests,
  };
}

/** `cuda-compat-mode` is legacy's own key. Where it is empty the peer leaves the choice to the feature. */
function allowsInMode({ mode, modes: { legacyCudaCompatMode: compat }, features }: SwitchKeys): boolean {
  if (mode !== "legacy" || (compat !== "disabled" && compat !== "")) return true;
  return compat === "" && features.allowCudaCompatLibsFromContainer;
}
