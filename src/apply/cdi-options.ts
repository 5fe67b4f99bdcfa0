import type { Config, HookName } from "../config/index.ts";

/** What of a host a CDI file is about. `auto` and `nvml`: its GPUs, whatever kind of machine it is. */
export const CDI_MODES = [
  "auto", "csv", "gdrcopy", "gds", "imex", "management", "mofed", "nvml", "nvswitch", "wsl",
] as const; // prettier-ignore
export type CdiMode = (typeof CDI_MODES)[number];

/** How devices are named: `0` and `0:1`; `GPU-…` and `MIG-…`; `gpu0` and `mig0:1`. */
export const NAME_STRATEGIES = ["index", "uuid", "type-index"] as const;
export type NameStrategy = (typeof NAME_STRATEGIES)[number];

/** What whoever asks for a CDI file can choose. */
export interface CdiOptions {
  readonly mode: CdiMode;
  /** Undefined: the mode's own ("nvidia.com", "gpu"). */
  readonly vendor: string | undefined;
  readonly class: string | undefined;
  /** A device has one name for each. */
  readonly strategies: readonly NameStrategy[];
  /** Device ids; "all" is every one, "none" a device without any. */
  readonly ids: readonly string[];
  /** Whether there is a device `all`. */
  readonly hasAllDevice: boolean;
  /** Whether there are devices that leave open which GPU: `any`, `any:2`, … */
  readonly hasAny: boolean;
  /** The program of the hook, absolute. */
  readonly hookPath: string;
  readonly disabledHooks: ReadonlySet<HookName | "all">;
  /** Where the device nodes are that the engine is to use; undefined: the host's own. */
  readonly devRoot: string | undefined;
  readonly config: Config;
}

/** The vendor and class of a mode's devices where nobody asks for others. Source: nvidia-container-toolkit 1.20, pkg/nvcdi. */
export function kindOf({ mode, vendor, class: className }: Pick<CdiOptions, "mode" | "vendor" | "class">): string {
  const own = mode === "management" ? "management.nvidia.com" : "nvidia.com";
  return `${vendor ?? own}/${className ?? classOf(mode)}`;
}

function classOf(mode: CdiMode): string {
  if (mode === "imex") return "imex-channel";
  return mode === "gds" || mode === "gdrcopy" || mode === "mofed" || mode === "nvswitch" ? mode : "gpu";
}
