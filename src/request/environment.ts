import { BerthError, splitList } from "../base/index.ts";
import { FEATURES, type FeatureName } from "../host/index.ts";
import type { ConditionRequest, FeatureRequest, MigControlRequest, Origin, Request } from "./request.ts";
import { shorten } from "./shorten.ts";

/** The variables of a container; of one that stands twice the last entry counts. */
export type Environment = ReadonlyMap<string, string>;

const CAPABILITIES = "NVIDIA_DRIVER_CAPABILITIES";
const CONDITION = "NVIDIA_REQUIRE_";
const JETPACK = "NVIDIA_REQUIRE_JETPACK";
/** What Go's strconv.ParseBool takes for true. */
const TRUE = ["1", "t", "T", "TRUE", "true", "True"];

const FEATURE_VARIABLES: Readonly<Record<FeatureName, string>> = {
  gds: "NVIDIA_GDS",
  gdrcopy: "NVIDIA_GDRCOPY",
  mofed: "NVIDIA_MOFED",
  nvswitch: "NVIDIA_NVSWITCH",
};

/** The variables of features. */
export const FEATURE_NAMES: readonly string[] = Object.values(FEATURE_VARIABLES);

const MIG_VARIABLES = [
  { what: "config", variable: "NVIDIA_MIG_CONFIG_DEVICES" },
  { what: "monitor", variable: "NVIDIA_MIG_MONITOR_DEVICES" },
] as const;

export function readEnvironment(entries: readonly string[]): Environment {
  return new Map(entries.map(splitEntry));
}

function splitEntry(entry: string): [string, string] {
  const at = entry.indexOf("=");
  return at === -1 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** An image from the time before `NVIDIA_REQUIRE_*`: it gets every GPU and every capability. */
export function isLegacyImage(env: Environment): boolean {
  return Boolean(env.get("CUDA_VERSION")) && !env.get("NVIDIA_REQUIRE_CUDA");
}

/** `NAME=value` as the origin of something, where it is set. */
export function originOf(env: Environment, name: string): Origin {
  const value = env.get(name);
  if (value?.trim() === "") return { source: "env", text: `${name} is empty` };
  if (value !== undefined) return { source: "env", text: shorten(`${name}=${value}`) };
  return { source: "default", text: isLegacyImage(env) ? `a legacy CUDA image without ${name}` : `${name} is not set` };
}

/** `NVIDIA_DRIVER_CAPABILITIES`: unset and empty are the default, and `all` anywhere is all. */
export function readCapabilities(env: Environment): Pick<Request, "capabilities" | "capabilitiesOrigin"> {
  const value = env.get(CAPABILITIES) ?? (isLegacyImage(env) ? "all" : "");
  const names = splitList(value);
  return {
    capabilities: names.length === 0 ? undefined : names.includes("all") ? "all" : [...new Set(names)],
    capabilitiesOrigin: originOf(env, CAPABILITIES),
  };
}

/** `NVIDIA_GDS`, `NVIDIA_GDRCOPY`, `NVIDIA_MOFED`, `NVIDIA_NVSWITCH`: `enabled` and nothing else. */
export function readFeatures(env: Environment): readonly FeatureRequest[] {
  return FEATURES.filter((name) => env.get(FEATURE_VARIABLES[name]) === "enabled").map((name) => ({
    name,
    origin: originOf(env, FEATURE_VARIABLES[name]),
  }));
}

const OFF: readonly string[] = ["", "disabled", "0", "false", "no", "off"];

/** Variables whose value looks like a wish and is none. */
export function readDoubtful(env: Environment): readonly string[] {
  const features = FEATURES.map((name) => FEATURE_VARIABLES[name]).filter((variable) => {
    const value = env.get(variable) ?? "";
    return value !== "enabled" && !OFF.includes(value.toLowerCase());
  });
  const waiver = env.get("NVIDIA_DISABLE_REQUIRE") ?? "";
  const isDoubtful = !TRUE.includes(waiver) && !OFF.includes(waiver.toLowerCase()) && waiver.toLowerCase() !== "f";
  return [
    ...features.map((variable) => `${originOf(env, variable).text} does not count: the value is "enabled"`),
    ...(isDoubtful
      ? [`${originOf(env, "NVIDIA_DISABLE_REQUIRE").text} does not count: the value is "true" or "1"`]
      : []),
  ];
}

/**
 * `NVIDIA_MIG_CONFIG_DEVICES` and `NVIDIA_MIG_MONITOR_DEVICES`, where they are not empty. Throws BERTH-R002 for any value but `all`: there is nothing
 * between all GPUs and none.
 */
export function readMigControl(env: Environment): readonly MigControlRequest[] {
  const asked = MIG_VARIABLES.filter(({ variable }) => Boolean(env.get(variable)));
  const wrong = asked.find(({ variable }) => env.get(variable) !== "all");
  if (wrong === undefined) return asked.map(({ what, variable }) => ({ what, origin: originOf(env, variable) }));
  throw new BerthError({
    code: "BERTH-R002",
    message: `Cannot read ${originOf(env, wrong.variable).text}: MIG is configured and watched on all GPUs or on none`,
    remedy: `set ${wrong.variable}=all, or take it out`,
  });
}

/** The conditions of `NVIDIA_REQUIRE_*`, by name; a legacy image demands the CUDA version that it was made with. */
export function readConditions(
  env: Environment,
): Pick<Request, "conditions" | "isConditionWaived" | "wantsAllCsvFiles" | "warnings"> {
  const isOne = (name: string): boolean => name.startsWith(CONDITION) && !name.startsWith(JETPACK);
  const stated = [...env].filter(([name, text]) => isOne(name) && text.trim() !== "");
  const conditions = stated.map(([variable, text]) => ({ variable, text })).toSorted(byVariable);
  const legacy = isLegacyImage(env) ? /^\d{1,9}\.\d{1,9}/.exec(env.get("CUDA_VERSION") ?? "")?.[0] : undefined;
  const isUnclear = isLegacyImage(env) && legacy === undefined;
  return {
    conditions: [
      ...(legacy === undefined ? [] : [{ variable: "CUDA_VERSION", text: `cuda>=${legacy}` }]),
      ...conditions,
    ],
    isConditionWaived: TRUE.includes(env.get("NVIDIA_DISABLE_REQUIRE") ?? ""),
    wantsAllCsvFiles: (env.get(JETPACK) ?? "").split(/[ ,]/).includes("csv-mounts=all"),
    warnings: isUnclear ? [`${originOf(env, "CUDA_VERSION").text} is no version, and not held against the driver`] : [],
  };
}

function byVariable(a: ConditionRequest, b: ConditionRequest): number {
  return a.variable < b.variable ? -1 : 1;
}
