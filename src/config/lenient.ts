import { nearest, type LogLevel } from "../base/index.ts";
import { meaning, readText, readTexts, type ConfigFile } from "./file.ts";
import type { KeyOf } from "./keys.ts";
import { FEATURE_FLAGS, HOOK_NAMES, type FeatureFlag, type HookName } from "./names.ts";

/** The known names of a list, and a sentence for every other one: a newer toolkit may know it. */
interface KnownNames<T extends string> {
  readonly names: ReadonlySet<T>;
  readonly warnings: readonly string[];
}

/** `nvcdi-feature-flags`, with the earlier spelling of one of them. Throws C002 (no list of texts), as the others here do. */
export function readFeatureFlags(file: ConfigFile): KnownNames<FeatureFlag> {
  const alias = "disable-nvsandbox-utils";
  const key = "nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags";
  const { names, warnings } = readKnownNames(file, key, [...FEATURE_FLAGS, alias]);
  const isOn = (flag: FeatureFlag) => names.has(flag) || (flag === "disable-nvsandboxutils" && names.has(alias));
  return { names: new Set(FEATURE_FLAGS.filter(isOn)), warnings };
}

/** `nvcdi-disable-hooks`; "all" is every hook. */
export function readDisabledHooks(file: ConfigFile): KnownNames<HookName> {
  const key = "nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks";
  const { names, warnings } = readKnownNames(file, key, [...HOOK_NAMES, "all"]);
  return { names: new Set(HOOK_NAMES.filter((hook) => names.has("all") || names.has(hook))), warnings };
}

function readKnownNames(file: ConfigFile, key: KeyOf<readonly string[]>, known: readonly string[]): KnownNames<string> {
  const names = new Set(readTexts(file, key));
  const unknown = [...names].filter((name) => !known.includes(name));
  const warnings = unknown.map((name) => {
    const what = `"${key}" in "${file.path}" holds "${name.slice(0, 80)}", which is unknown and ignored`;
    return `${what}${meaning(nearest(name, known))}`;
  });
  return { names, warnings };
}

/** The names of logrus; one that it does not know is a warning and means `info`, as the peer has it. */
export function readLogLevel(file: ConfigFile): { readonly level: LogLevel; readonly warnings: readonly string[] } {
  const key = "nvidia-container-runtime.log-level";
  const text = readText(file, key);
  const level = parseLogLevel(text.toLowerCase());
  if (level !== undefined) return { level, warnings: [] };
  const near = meaning(nearest(text, ["trace", "debug", "info", "warning", "warn", "error", "fatal", "panic"]));
  const warning = `"${key}" in "${file.path}" is "${text.slice(0, 80)}", which is no log level, and "info" is used${near}`;
  return { level: "info", warnings: [warning] };
}

function parseLogLevel(name: string): LogLevel | undefined {
  switch (name) {
    case "trace":
    case "debug":
    case "info":
    case "warning":
    case "error":
      return name;
    case "warn":
      return "warning";
    case "fatal":
    case "panic":
      return "error";
    default:
      return undefined;
  }
}
