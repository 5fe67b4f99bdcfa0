import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError, errnoCode, messageOf, type JsonObject } from "../base/index.ts";
import type { Config } from "./config.ts";
import { namePlace } from "./file.ts";
import type { Mode } from "./names.ts";
import { locateFault, type Position } from "../text/index.ts";
import { readConfig } from "./read-config.ts";

const MAX_CONFIG_BYTES = 1024 * 1024;

/** Where variables come from: the recorded environment of the engine. */
export interface ConfigSource {
  readonly get: (name: string) => string | undefined;
}

export interface LoadConfigOptions {
  /** Whether the file has to be there. */
  readonly isRequired?: boolean;
  /** In place of the file's own, as for the programs whose name says it. */
  readonly mode?: Mode | undefined;
}

/**
 * The configuration in the file that `slot` (the launcher's) names, else `NVIDIA_CTK_CONFIG_FILE_PATH`, else
 * `nvidia-container-runtime/config.toml` in `$XDG_CONFIG_HOME` or /etc: one place, no search. A file that is not there
 * means the defaults, unless it is required. Throws C001 (cannot be read or parsed), C002 (a value that is not allowed).
 */
export function loadConfig(env: ConfigSource, slot: string | undefined, options: LoadConfigOptions = {}): Config {
  const { isRequired = false, mode } = options;
  const path = locateConfig(env, slot);
  const text = readConfigText(path);
  if (text === undefined && isRequired) throw unreadable(path, "it does not exist");
  if (text === undefined) return { path: undefined, ...readConfig({ path, text: "", top: {} }, mode) };
  return { path, ...readConfig({ path, text, top: parseToml(text, path) }, mode) };
}

/** The one place where the configuration is looked for. */
export function locateConfig(env: ConfigSource, slot: string | undefined): string {
  return slot || locate(env);
}

/** The text of a configuration file; undefined: it is not there. Throws C001. */
export function readConfigText(path: string): string | undefined {
  const fd = openConfig(path);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw unreadable(path, "it is not a regular file");
    if (stats.size > MAX_CONFIG_BYTES) throw unreadable(path, `it has more than ${MAX_CONFIG_BYTES} bytes`);
    return decode(readFileSync(fd), path);
  } finally {
    closeSync(fd);
  }
}

/** Throws C001 or C002 for a text that no program of the stack would start with. */
export function checkConfigText(path: string, text: string): void {
  readConfig({ path, text, top: parseToml(text, path) });
}

function locate(env: ConfigSource): string {
  const named = env.get("NVIDIA_CTK_CONFIG_FILE_PATH");
  return named || join(env.get("XDG_CONFIG_HOME") || "/etc", "nvidia-container-runtime/config.toml");
}

function openConfig(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoCode(cause) === "ENOENT" || errnoCode(cause) === "ENOTDIR") return undefined;
    throw unreadable(path, messageOf(cause), { cause });
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(path, "it is not valid UTF-8", { cause });
  }
}

function parseToml(text: string, path: string): JsonObject {
  try {
    const top: unknown = Bun.TOML.parse(text);
    return isTable(top) ? top : {};
  } catch (cause) {
    // Bun says what is wrong, and not where.
    throw unreadable(path, messageOf(cause).replace(/^TOML Parse error: /, ""), { cause, place: locateFault(text) });
  }
}

/** A TOML document is a table; times and dates in it are no JSON, and every reader refuses them by their type. */
function isTable(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null;
}

interface Where {
  readonly cause?: unknown;
  readonly place?: Position | undefined;
}

function unreadable(path: string, why: string, { cause, place }: Where = {}): BerthError {
  const message = `Cannot read the configuration ${namePlace(path, place)}: ${why}`;
  const remedy = `mend "${path}", or remove it to use the defaults`;
  return new BerthError({ code: "BERTH-C001", message, remedy }, { cause });
}
