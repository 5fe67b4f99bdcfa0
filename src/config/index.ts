/**
 * `config.toml` of the NVIDIA container stack, and berth's own table in it. Reads it; which of its programs are safe to
 * start is not decided here. Keys and defaults: NVIDIA container toolkit 1.20.
 */
export type { Config } from "./config.ts";
export { loadConfig } from "./load-config.ts";
