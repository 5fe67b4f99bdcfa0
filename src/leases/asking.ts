import type { Wish } from "../request/index.ts";
import type { Choice } from "./choose.ts";
import type { Lease, LeasedContainer, LeasePolicy } from "./lease.ts";
import type { Owner } from "./owner.ts";

interface Who {
  /** The process that the lease lives with; of a container until it has an init: the one that makes it. Its control groups: those of the container. */
  readonly owner: Owner;
  readonly uid: number;
  readonly label: string;
  /** Undefined: it is for a process. */
  readonly container: LeasedContainer | undefined;
  /** Whether `owner` is the container's init already. */
  readonly isBound?: boolean;
  readonly policy?: LeasePolicy;
}

/** Who wishes for what. */
export interface Asking extends Who {
  readonly wish: Wish;
  /** Of one who has waited; it is given back with the lease. */
  readonly ticket: number | undefined;
  /** How many devices a user may have at once, without those that are shared. */
  readonly userLimit: number | undefined;
}

/** Who names GPUs, and how. */
export interface NamedAsking extends Who {
  /** Of GPUs or MIG devices (`Device.key`). */
  readonly keys: readonly string[];
  readonly mode: "shared" | "exclusive";
  /** What was asked for, as it was: "0,1,exclusive". */
  readonly words: string;
}

/** `lease` is undefined where not enough is free. `waiting`: how many came earlier and still wait. */
export interface Taken {
  readonly lease: Lease | undefined;
  readonly choice: Choice;
  readonly waiting: number;
  /** Sentences for whoever starts the container. */
  readonly warnings: readonly string[];
}

/** Named GPUs are had in any case, or it throws. */
export interface Used {
  readonly lease: Lease;
  readonly warnings: readonly string[];
}
