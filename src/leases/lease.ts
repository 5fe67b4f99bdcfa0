import type { Owner } from "./owner.ts";

/**
 * `own`: given to nobody else by a wish; `exclusive`: to nobody else by name either; `shared`: of GPUs that were named, which several may have and no wish gets.
 */
export type LeaseMode = "own" | "exclusive" | "shared";

/** How leases count for somebody who names GPUs: "" warns, and refuses what is exclusive. */
export type LeasePolicy = "" | "deny" | "warn" | "allow";

/** Who has which devices. */
export interface Lease {
  /** 32 hexadecimal digits, drawn at random. */
  readonly id: string;
  /** Rises from lease to lease: with the id it keeps a late release of an older life from taking this one. */
  readonly generation: number;
  /** RESERVED: of whoever asked; BOUND: of the container; DRAINING: of nobody, until its GPUs are known to be idle. */
  readonly state: "RESERVED" | "BOUND" | "DRAINING";
  readonly mode: LeaseMode;
  readonly owner: Owner;
  readonly uid: number;
  /** Undefined: of a process. */
  readonly container: LeasedContainer | undefined;
  /** What it is for, as people say it; "" where nobody did. */
  readonly label: string;
  /** As `formatWish` says it; GPUs that were named: as whoever named them did. */
  readonly wish: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds since the boot at which it got its state. */
  readonly since: number;
  /** When it was last known to be alive, a minute more or less; milliseconds since 1970. */
  readonly seen: number;
  readonly devices: readonly LeasedDevice[];
}

/** What is known of a container; "" what is not. */
export interface LeasedContainer {
  readonly id: string;
  /** The folder of its state under the low-level runtime's root, "<root>/<id>": there is said which process its init is. */
  readonly state: string;
  /** "docker", "podman", … */
  readonly engine: string;
  readonly name: string;
  readonly image: string;
  /** Of Docker Compose; the namespace of a pod. */
  readonly project: string;
  /** Whose it is, as the engine says it. */
  readonly user: string;
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
  /** When it last said that it waits, in milliseconds since 1970. */
  readonly seen: number;
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
  readonly kind:
    | "taken"
    | "adopted"
    | "bound"
    | "denied"
    | "released"
    | "reaped"
    | "freed"
    | "drained"
    | "quarantined"
    | "admitted";
  readonly lease: string;
  readonly device: string;
  readonly text: string;
}

/** A lease as it is told of later, whether it lives or has ended. Times are milliseconds since 1970. */
export interface Holding extends Pick<
  Lease,
  "id" | "generation" | "mode" | "uid" | "container" | "label" | "wish" | "at" | "seen" | "devices"
> {
  /** When its end was noticed: it came after `seen`. Undefined: it lives. */
  readonly endedAt: number | undefined;
  /** "released", "process 12 is gone"; "" while it lives. */
  readonly how: string;
}
