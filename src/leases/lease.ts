import type { Owner } from "./owner.ts";

/** Who has which devices. */
export interface Lease {
  /** 32 hexadecimal digits, drawn at random. */
  readonly id: string;
  /** Rises from lease to lease: with the id it keeps a late release of an older life from taking this one. */
  readonly generation: number;
  /** RESERVED: of whoever asked; BOUND: of the container; DRAINING: of nobody, until its GPUs are known to be idle. */
  readonly state: "RESERVED" | "BOUND" | "DRAINING";
  readonly owner: Owner;
  readonly uid: number;
  /** What it is for, as people say it; "" where nobody did. */
  readonly label: string;
  /** As `formatWish` says it. */
  readonly wish: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds since the boot at which it got its state. */
  readonly since: number;
  readonly devices: readonly LeasedDevice[];
}

export interface LeasedDevice {
  readonly key: string;
  readonly gpuKey: string;
  readonly name: string;
  /** As `NVIDIA_VISIBLE_DEVICES` names it. */
  readonly visibleName: string;
}

/** Somebody who waits; the lower the sequence, the earlier. */
export interface Ticket {
  readonly sequence: number;
  readonly owner: Owner;
  readonly uid: number;
  readonly wish: string;
}

/** A device that an administrator or berth itself has taken out of what is given away. */
export interface Mark {
  readonly key: string;
  readonly state: "drained" | "quarantined";
  readonly reason: string;
  readonly at: number;
}

/** What happened, for people; never changed, and only the newest are kept. */
export interface LeaseEvent {
  readonly at: number;
  readonly kind: "taken" | "bound" | "released" | "reaped" | "freed" | "drained" | "quarantined" | "admitted";
  readonly lease: string;
  readonly device: string;
  readonly text: string;
}
