import type { Lease } from "../../leases/index.ts";
import type { GpuState } from "../../nvml/index.ts";
import type { GpuUser, KnownContainer, OwnedProcess, Xid } from "../../watch/index.ts";

/** All that the monitors show, as it is at one moment. */
export interface GpusView {
  readonly driver: string | undefined;
  readonly gpus: readonly ShownGpu[];
  /** By the process's number. */
  readonly owned: ReadonlyMap<number, OwnedProcess>;
  readonly userNames: ReadonlyMap<number, string>;
  /** By id. */
  readonly containers: ReadonlyMap<string, KnownContainer>;
  /** Undefined: only root can read them, and only where somebody has leased something. */
  readonly leases: readonly Lease[] | undefined;
  /** Whether this user sees every process: one that is not there has gone then. */
  readonly seesAll: boolean;
  /** Since the machine's boot, in milliseconds. */
  readonly uptimeMs: number;
  readonly errors: readonly string[];
}

export interface ShownGpu {
  /** Undefined: the driver has lost it and counts without it. */
  readonly index: number | undefined;
  /** Undefined: WSL and Tegra have none. */
  readonly bus: string | undefined;
  readonly minor: number | undefined;
  readonly uuid: string | undefined;
  readonly model: string;
  readonly state: GpuState;
  readonly users: readonly GpuUser[];
  /** Its MIG devices, in the driver's order. */
  readonly parts: readonly ShownPart[];
  /** The last fault that the kernel's log has of it. */
  readonly lastXid: Xid | undefined;
  /** Undefined: nothing to compare with yet, or the driver does not count. */
  readonly nvlinkRates: { readonly rxBytesPerSecond: number; readonly txBytesPerSecond: number } | undefined;
}

/** A MIG device. */
export interface ShownPart {
  /** As people name it: "0:1", and "0:3/0" while its number is not known. */
  readonly name: string;
  readonly gpuInstance: number;
  readonly computeInstance: number;
  readonly uuid: string | undefined;
  /** "1g.10gb" */
  readonly profile: string | undefined;
  readonly memoryTotalBytes: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  readonly users: readonly GpuUser[];
}
