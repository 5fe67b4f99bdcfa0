import type { Problem } from "../base/index.ts";
import type { Capability, DeviceNode, Driver, FeatureFiles, FeatureName, Gpu, GpuUnit, MigControl, MigDevice } from "../host/index.ts"; // prettier-ignore
import type { CompatLibraries } from "../request/index.ts";

/** What a container gets, and why. */
export interface Grant {
  readonly driver: Driver;
  /** Whole GPUs, by index. */
  readonly gpus: readonly GrantedGpu[];
  readonly migDevices: readonly GrantedMigDevice[];
  /** WSL and Tegra: all there is, in place of GPUs and driver files. */
  readonly unit: GrantedUnit | undefined;
  readonly capabilities: readonly GrantedCapability[];
  readonly imexChannels: readonly GrantedNode[];
  readonly features: readonly GrantedFeature[];
  readonly migControl: readonly (GrantedNode & { readonly what: MigControl })[];
  /** The image's own, newer CUDA libraries go before the driver's. */
  readonly compat: GrantedCompat | undefined;
  readonly extras: Extras;
  /** What was asked for and is not given, or could not be checked: a sentence each. */
  readonly warnings: readonly string[];
}

export interface GrantedGpu {
  readonly gpu: Gpu;
  /** For the log and `berth inspect`: `NVIDIA_VISIBLE_DEVICES=all`. */
  readonly reason: string;
}

export interface GrantedMigDevice {
  readonly parent: Gpu;
  readonly device: MigDevice;
  readonly reason: string;
}

export interface GrantedUnit {
  readonly unit: GpuUnit;
  /** False: only its files (the value `none`). */
  readonly hasNodes: boolean;
  /** Its optional items, too. */
  readonly hasOptional: boolean;
  readonly reason: string;
}

export interface GrantedCapability {
  readonly name: Capability;
  readonly reason: string;
}

export interface GrantedNode {
  readonly node: DeviceNode;
  readonly reason: string;
}

export interface GrantedFeature {
  readonly name: FeatureName;
  readonly files: FeatureFiles;
  readonly reason: string;
}

export interface GrantedCompat {
  readonly libraries: CompatLibraries;
  readonly reason: string;
}

/** What an administrator can switch off or on beside devices. */
export interface Extras {
  /** The sockets of the driver's services. */
  readonly hasSockets: boolean;
  /** Libraries that are not the driver's own, such as libEGL and libOpenCL. */
  readonly hasExplicitLibraries: boolean;
  /** The groups of device nodes that are not open to everybody. */
  readonly hasGroups: boolean;
  /** The EGL application profile that names the visible GPUs. */
  readonly hasApplicationProfile: boolean;
}

export type Decision =
  | { readonly kind: "granted"; readonly grant: Grant }
  | { readonly kind: "refused"; readonly problem: Problem };
