/**
 * `config.toml` of the NVIDIA container stack, with berth's own table in it, and the low-level runtime that it names. Keys,
 * defaults and the order of the search: NVIDIA container toolkit 1.20.
 */
export type { Config } from "./config.ts";
export { HOOK_NAMES } from "./names.ts";
export type { CudaCompatMode, FeatureFlag, HookName, LeasePolicy, Mode } from "./names.ts";
export { DEFAULTS as CONFIG_DEFAULTS } from "./keys.ts";
export { checkConfigText, loadConfig, locateConfig, readConfigText } from "./load-config.ts";
export { findLowLevel, rememberLowLevel } from "./low-level.ts";
