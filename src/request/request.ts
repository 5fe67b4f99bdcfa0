import type { FeatureName, MigControl } from "../host/index.ts";
import type { CompatLibraries } from "./compat-libraries.ts";
import type { Wish } from "./wish.ts";

/** What one container asks for: nothing is checked against the host or a policy yet. */
export interface Request {
  /** `driver`: driver files and control nodes, no GPU (the value `none`). */
  readonly wants: "nothing" | "driver" | "devices";
  /** Without duplicates, in the order asked; empty unless `wants` is `devices`. */
  readonly devices: readonly DeviceRequest[];
  /** GPUs that are to be chosen first: there are no `devices` until that is done, and nothing is granted. */
  readonly wish: Wish | undefined;
  /** How the named devices are leased; undefined: as the policy has it. */
  readonly claim: Claim | undefined;
  /** Where what is asked for is not here, the container goes without. */
  readonly isOptional: boolean;
  /** Qualified names that the machine's CDI files are to resolve, beside what `wants` says. */
  readonly cdiDevices: readonly string[];
  /** As asked, unchecked; undefined: the variable is unset or empty, or `all`. */
  readonly capabilities: readonly string[] | "all" | undefined;
  /** Where the devices were asked for, for messages: `NVIDIA_VISIBLE_DEVICES=0,1`. */
  readonly devicesOrigin: Origin;
  readonly capabilitiesOrigin: Origin;
  readonly imexChannels: readonly ImexRequest[];
  /** Each feature once. */
  readonly features: readonly FeatureRequest[];
  /** The right to configure or to watch MIG on the whole machine. */
  readonly migControl: readonly MigControlRequest[];
  /** What the image demands of the host; unread, since an administrator may have switched that off. */
  readonly conditions: readonly ConditionRequest[];
  /** The container itself waives its conditions. */
  readonly isConditionWaived: boolean;
  /** Tegra: all CSV files, not only the base ones. */
  readonly wantsAllCsvFiles: boolean;
  /** CUDA libraries of the image that are newer than the driver's, perhaps. */
  readonly compat: CompatLibraries | undefined;
  /** The container could do anything with devices in any case: it has CAP_SYS_ADMIN. */
  readonly isPrivileged: boolean;
  /** What was asked and is not understood or does not count, a sentence each. */
  readonly warnings: readonly string[];
  /** What was asked by the environment of an unprivileged container where that does not count, a sentence each. */
  readonly ignored: readonly string[];
}

/** `exclusive`: nobody else gets them, by name either; `shared`: everybody who names them does, and no wish. */
export type Claim = "exclusive" | "shared";

/** Where something was asked for. `text` is the container's, shortened: escape it before printing. */
export interface Origin {
  readonly source: "annotation" | "mount" | "engine" | "env" | "default";
  readonly text: string;
}

export type DeviceRequest =
  | { readonly kind: "all" }
  | { readonly kind: "index"; readonly index: number }
  /** The beginning of a UUID or a whole one: "GPU-8dc", "MIG-1a49e465-…"; the digits in lower case. */
  | { readonly kind: "gpu-uuid" | "mig-uuid"; readonly prefix: string }
  /** "0000:1b:00.0" */
  | { readonly kind: "pci"; readonly bus: string }
  /** `i:j`: the MIG device that the driver lists as number `mig` of GPU number `gpu`. */
  | { readonly kind: "mig-index"; readonly gpu: number; readonly mig: number }
  /** `MIG-GPU-…/1/0`, as drivers before 470 name a MIG device. */
  | {
      readonly kind: "mig-parts";
      readonly gpuUuid: string;
      readonly gpuInstance: number;
      readonly computeInstance: number;
    };

export interface ImexRequest {
  readonly channel: number;
  readonly origin: Origin;
}

export interface FeatureRequest {
  readonly name: FeatureName;
  readonly origin: Origin;
}

export interface MigControlRequest {
  readonly what: MigControl;
  readonly origin: Origin;
}

/** One variable `NVIDIA_REQUIRE_*` (or what a legacy image's CUDA_VERSION stands for). */
export interface ConditionRequest {
  /** "NVIDIA_REQUIRE_CUDA" */
  readonly variable: string;
  /** "cuda>=12.8 brand=tesla,driver>=535", whole. */
  readonly text: string;
}
