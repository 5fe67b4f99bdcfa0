import type { CdiHook } from "../cdi/index.ts";
import type { Config, HookName } from "../config/index.ts";
import type { Edits, LinkEdit } from "../edits/index.ts";
import { gpusOf, type Grant } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import type { CdiOptions } from "./cdi-options.ts";
import type { ContainerUpdate } from "./container-update.ts";
import { nameOf } from "./paths.ts";
import { compatFolder } from "./grant-edits.ts";
import { formatUpdate } from "./update-arguments.ts";

/** runc gives a hook without an environment the image's own. */
export const HOOK_ENVIRONMENT = ["NVIDIA_CTK_DEBUG=false"];
/** With little memory and nothing of berth in the page cache a hook takes most of this. */
export const HOOK_TIMEOUT_S = 120;

/** What the hook of a file about GPUs has to do: `common` is what every container gets, `links` those of the single devices. */
export function updateOf(
  { host, grants, common, links }: { host: Host; grants: readonly Grant[]; common: Edits; links: readonly LinkEdit[] },
  { config, disabledHooks }: CdiOptions,
): ContainerUpdate {
  const isOn = (name: HookName): boolean => !disabledHooks.has(name) && !disabledHooks.has("all");
  const { driver, unit } = host;
  const isDriver = unit === undefined;
  return {
    links: isOn("create-symlinks") ? [...common.links, ...links] : [],
    loaderEntries: isOn("update-ldcache") ? common.loaderEntries : [],
    driverVersion: driver?.version,
    cudaVersion: exactCuda(driver),
    compatFolder: isOn("enable-cuda-compat") ? compatOf(host, config) : undefined,
    brands: [...new Set(grants.flatMap((grant) => gpusOf(grant).map(({ brand }) => brand)))].toSorted(),
    hasApplicationProfile: isDriver && isOn("update-application-profile") && config.useApplicationProfile,
    hidesDeviceFiles: isDriver && isOn("disable-device-node-modification"),
    hostRoot: host.root,
  };
}

function exactCuda(driver: Host["driver"]): string | undefined {
  return driver?.cuda?.isExact === true ? driver.cuda.version : undefined;
}

/** Where newer libraries of an image are looked for; undefined: nothing could be compared with them, or they are not wanted. */
function compatOf(host: Host, config: Config): string | undefined {
  const isComparable = host.driver?.version !== undefined || exactCuda(host.driver) !== undefined;
  return isComparable && config.useForwardCompatibility ? compatFolder(config, host) : undefined;
}

/** The one hook; none where there is nothing for it to do. */
export function hooksOf(update: ContainerUpdate, { hookPath }: CdiOptions): readonly CdiHook[] {
  const { links, loaderEntries, compatFolder: compat, hasApplicationProfile, hidesDeviceFiles } = update;
  const isNeeded = links.length + loaderEntries.length > 0 || compat !== undefined;
  if (!isNeeded && !hasApplicationProfile && !hidesDeviceFiles) return [];
  const program = nameOf(hookPath);
  const verb = program === "nvidia-ctk" ? [program, "hook", "update-container"] : [program, "update-container"];
  const args = [...verb, ...formatUpdate(update)];
  return [{ hookName: "createContainer", path: hookPath, args, env: HOOK_ENVIRONMENT, timeout: HOOK_TIMEOUT_S }];
}
