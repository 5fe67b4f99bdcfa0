import type { CdiMode, GeneratedCdi, GenerateInput, NameStrategy } from "../../apply/index.ts";
import type { CdiFormat } from "../../cdi/index.ts";
import type { HookName } from "../../config/index.ts";
import type { World } from "../context.ts";
import type { Site } from "../site.ts";

/** What can be chosen of a CDI file, whichever command makes it. */
export interface ChoosingFlags {
  readonly mode?: CdiMode;
  readonly format?: CdiFormat;
  readonly deviceNameStrategy?: readonly NameStrategy[];
  readonly deviceId?: readonly string[];
  readonly noAllDevice?: boolean;
  readonly any?: boolean;
  readonly vendor?: string;
  readonly class?: string;
  readonly driverRoot?: string;
  readonly devRoot?: string;
  readonly hookPath?: string;
  readonly disableHook?: readonly (HookName | "all")[];
  readonly featureFlag?: readonly string[];
}

/** What a CDI file of a host is made from, by the flags of a command. */
export function inputOf(
  { executable, env }: Pick<World, "executable" | "env">,
  { root, config }: Site,
  flags: ChoosingFlags,
): Omit<GenerateInput, "format"> {
  return {
    root,
    config,
    scene: flags.driverRoot === undefined ? {} : { driverRoot: flags.driverRoot },
    options: {
      mode: flags.mode ?? "auto",
      vendor: flags.vendor,
      class: flags.class,
      strategies: flags.deviceNameStrategy ?? ["index", "uuid"],
      ids: flags.deviceId ?? ["all"],
      hasAllDevice: flags.noAllDevice !== true,
      hasAny: flags.any === true,
      disabledHooks: new Set(flags.disableHook ?? []),
      devRoot: flags.devRoot,
    },
    featureFlags: flags.featureFlag ?? [],
    hookPath: flags.hookPath ?? "",
    executable,
    path: env("PATH"),
  };
}

/** `CDI 0.5.0, 5 names of devices` */
export function summarize({ spec: { cdiVersion, devices } }: Pick<GeneratedCdi, "spec">): string {
  return `CDI ${cdiVersion}, ${devices.length} ${devices.length === 1 ? "name" : "names"} of devices`;
}
