import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { BerthError } from "../base/index.ts";
import { findSpecFault, formatCdiSpec, type CdiFormat, type CdiSpec } from "../cdi/index.ts";
import type { Config, FeatureFlag } from "../config/index.ts";
import { hostOptions, type Host, type SceneOptions } from "../host/index.ts";
import type { CdiOptions } from "./cdi-options.ts";
import { makeCdiSpec } from "./cdi-spec.ts";
import { describeNamed } from "./describe-named.ts";

/** What a CDI file is made from and how, whichever program asks for it. */
export interface GenerateInput {
  /** The host's root. */
  readonly root: string;
  readonly config: Config;
  /** Where on it things are looked for, beside what the configuration says. */
  readonly scene: SceneOptions;
  readonly options: Omit<CdiOptions, "config" | "hookPath">;
  readonly featureFlags: readonly string[];
  /** "": the launcher beside the executable. */
  readonly hookPath: string;
  /** berth itself, which asks the driver what no file says. Absolute. */
  readonly executable: string;
  readonly path: string | undefined;
  readonly format: CdiFormat;
}

export interface GeneratedCdi {
  readonly spec: CdiSpec;
  readonly text: string;
  readonly host: Host;
  /** A sentence each. */
  readonly warnings: readonly string[];
}

/** Describes a host and makes its CDI file. The driver is asked only for names that no file says, with a deadline. Throws a BerthError. */
export async function generateCdi(input: GenerateInput): Promise<GeneratedCdi> {
  const { root, executable, format } = input;
  const flags = applyFlags(input.config, input.featureFlags);
  const scene = {
    ...hostOptions(flags.config),
    ...input.scene,
    ...(input.options.mode === "csv" ? { platform: "csv" as const } : {}),
  };
  const described = await describeNamed(root, scene, { executable, isNeeded: isNamed(input) });
  const hook = input.hookPath === "" ? findHook(input) : { path: input.hookPath, warnings: [] };
  const options = { ...input.options, config: flags.config, hookPath: hook.path };
  const made = makeCdiSpec(described.host, options);
  const warnings = [
    ...flags.warnings,
    ...described.warnings,
    ...hook.warnings,
    ...made.warnings,
    ...warnOfKind(made.spec),
  ];
  return { spec: made.spec, text: formatChecked(made.spec, format), host: described.host, warnings };
}

/** Seen with dockerd 26.1.5; the fault is in container-device-interface up to 1.1.0, which other engines are built with. */
function warnOfKind({ kind }: CdiSpec): readonly string[] {
  if (kind.split("/").every((word) => word.length > 1)) return [];
  return [`engines crash on a vendor or class of one letter ("${kind}"): dockerd 26 ends with a panic`];
}

/** Nothing is written that an engine would refuse. */
function formatChecked(spec: CdiSpec, format: CdiFormat): string {
  const fault = findSpecFault(spec);
  if (fault === undefined) return formatCdiSpec(spec, format);
  const message = `Cannot make a CDI file: its field ${fault.steps.join(".")} ${fault.why}`;
  const remedy = "choose another --vendor, --class or --device-name-strategy";
  throw new BerthError({ code: "BERTH-F002", message, remedy });
}

/** Whether the file names GPUs at all. */
function isNamed({ options: { mode, ids } }: GenerateInput): boolean {
  return (mode === "auto" || mode === "nvml") && !ids.includes("none");
}

interface FoundHook {
  readonly path: string;
  readonly warnings: readonly string[];
}

const HOOK = "nvidia-cdi-hook";
const USUAL_HOOK = `/usr/bin/${HOOK}`;

/** A simulated host's own launcher; one that was installed or built with this program; one in PATH. */
function findHook({ root, executable, path = "" }: GenerateInput): FoundHook {
  const beside = dirname(executable);
  const folders = [...(root === "/" ? [] : [join(root, "bin")]), join(beside, "bin"), beside, ...path.split(":")];
  const found = folders
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, HOOK))
    .find((file) => existsSync(file));
  if (found !== undefined) return { path: found, warnings: [] };
  return {
    path: USUAL_HOOK,
    warnings: [`"${HOOK}" was not found: the file names "${USUAL_HOOK}" (--nvidia-cdi-hook-path says another)`],
  };
}

const FLAGS: Readonly<Partial<Record<FeatureFlag, Partial<Config>>>> = {
  "enable-explicit-driver-libraries": { mountsExplicitLibraries: true },
  "no-additional-gids-for-device-nodes": { useAdditionalGids: false },
  "disable-ipc-discoverer": { mountsSockets: false },
  "disable-nvsandboxutils": {},
};

function applyFlags(
  config: Config,
  names: readonly string[],
): { readonly config: Config; readonly warnings: readonly string[] } {
  const known = new Map<string, Partial<Config>>(Object.entries(FLAGS));
  const unknown = names.filter((name) => !known.has(name));
  return {
    config: names.reduce((before, name) => ({ ...before, ...known.get(name) }), config),
    warnings: unknown.map((name) => `the feature flag "${name}" changes nothing here`),
  };
}
