import type { EngineFiles } from "./config-files.ts";

export const ENGINE_NAMES = ["docker", "containerd", "podman", "cri-o"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Whether a text names an engine that berth knows. */
export function isEngineName(value: unknown): value is EngineName {
  return ENGINE_NAMES.some((name) => name === value);
}

/** Whether an engine looks into CDI files at all. */
export type CdiSwitch =
  | { readonly kind: "on" }
  | { readonly kind: "off"; readonly why: string; readonly remedy: string }
  | { readonly kind: "unknown"; readonly why: string };

/** What an engine's configuration files say of CDI. */
export interface Settings {
  /** As the engine sees them; a later one wins. Empty: it looks nowhere. */
  readonly specDirs: readonly string[];
  readonly cdi: CdiSwitch;
}

/** One engine: how it is found, and how its configuration is read. */
export interface Engine {
  readonly name: EngineName;
  readonly program: string;
  /** `release`: "26.1.5"; undefined: not known. */
  readonly read: (files: EngineFiles, release: string | undefined) => Settings;
}

/** Where every engine looks that is not told otherwise: CDI specification 1.1.0, "CDI JSON Specification". */
export const DEFAULT_DIRS: readonly string[] = ["/etc/cdi", "/var/run/cdi"];

/** CDI of an engine that has it since a release, and always. */
export function alwaysOn(title: string, first: string, isOld: boolean): CdiSwitch {
  if (!isOld) return { kind: "on" };
  return { kind: "off", why: `it knows CDI since ${first}`, remedy: `install ${title} ${first} or newer` };
}
