import type { Problem } from "../base/index.ts";
import type { Capability, Driver, Gpu, MigDevice } from "../host/index.ts";

/** What a container gets, and why. */
export interface Grant {
  readonly driver: Driver;
  /** Whole GPUs, by index. */
  readonly gpus: readonly GrantedGpu[];
  readonly migDevices: readonly GrantedMigDevice[];
  readonly capabilities: readonly GrantedCapability[];
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

export interface GrantedCapability {
  readonly name: Capability;
  readonly reason: string;
}

/** `nothing`: the container is none of our business and its spec stays as it is. */
export type Decision =
  | { readonly kind: "nothing"; readonly reason: string }
  | { readonly kind: "granted"; readonly grant: Grant }
  | { readonly kind: "refused"; readonly problem: Problem };
