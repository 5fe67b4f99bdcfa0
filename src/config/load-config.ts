import { readFileSync } from "node:fs";
import { BerthError, errnoCode } from "../base/index.ts";
import type { Config } from "./config.ts";
import { optionsOf } from "./options.ts";
import { makeReader, type Reader, type Table } from "./reader.ts";

/** Where variables come from; the recorded environment of the engine. */
export interface ConfigSource {
  readonly get: (name: string) => string | undefined;
}

/**
 * The configuration in the file that `slot` names, else `NVIDIA_CTK_CONFIG_FILE_PATH`, else `$XDG_CONFIG_HOME` or /etc, then
 * `nvidia-container-runtime/config.toml`. A file that is not there means the defaults. Throws BERTH-C001 for one that cannot be read or
 * parsed, BERTH-C002 for a value that is not allowed. Rule: NVIDIA container toolkit 1.20.
 */
export function loadConfig(env: ConfigSource, slot: string | undefined): Config {
  const path = slot ?? locate(env);
  const text = readConfig(path);
  const table = text === undefined ? {} : parse(path, text);
  return { path: text === undefined ? undefined : path, ...readKeys(makeReader(path, table)) };
}

function locate(env: ConfigSource): string {
  const named = env.get("NVIDIA_CTK_CONFIG_FILE_PATH");
  if (named) return named;
  return `${env.get("XDG_CONFIG_HOME") || "/etc"}/nvidia-container-runtime/config.toml`;
}

function readConfig(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return undefined;
    throw unreadable(path, errnoCode(error) ?? String(error), error);
  }
}

function parse(path: string, text: string): Table {
  try {
    return { ...Bun.TOML.parse(text) };
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error), error);
  }
}

function unreadable(path: string, why: string, cause: unknown): BerthError {
  const message = `Cannot read the configuration "${path}": ${why}`;
  return new BerthError(
    { code: "BERTH-C001", message, remedy: "mend the file, or remove it to use the defaults" },
    { cause },
  );
}

function readKeys(read: Reader): Omit<Config, "path"> {
  checkLdconfig(read);
  return {
    root: read.path("berth.root", "/"),
    driverRoot: read.text("nvidia-container-cli.root", ""),
    runtimes: read.texts("nvidia-container-runtime.runtimes", ["runc", "crun"]),
    debug: read.text("nvidia-container-runtime.debug", "/dev/null"),
    logLevel: read.text("nvidia-container-runtime.log-level", "info"),
    supportedDriverCapabilities: optionsOf(read, "supported-driver-capabilities"),
  };
}

/** berth runs no ldconfig; a file that names one inside the container asks for what must not be, so it is refused as the peer does. */
function checkLdconfig(read: Reader): void {
  const key = "nvidia-container-cli.ldconfig";
  const isAllowed = read.flag("features.allow-ldconfig-from-container", false);
  if (!isAllowed && !read.text(key, "@").startsWith("@"))
    throw read.fault(key, 'a path of the host, which begins with "@"');
}
