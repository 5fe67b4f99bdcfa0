import { messageOf } from "../../base/index.ts";
import type { Host } from "../../host/index.ts";
import {
  hasLeaseStore,
  keepStates,
  leaseSiteOf,
  LeaseStore,
  lookNow,
  openStore,
  type Lease,
} from "../../leases/index.ts";
import { effectiveUid } from "../../linux/index.ts";
import type { GpuState } from "../../nvml/index.ts";

/** Leases are reaped by whoever looks at them, so that they are looked at from time to time. */
const AGAIN_MS = 5000;

export interface ReadLeases {
  readonly leases: readonly Lease[] | undefined;
  /** Why they cannot be told although they should be. */
  readonly error: string | undefined;
}

const NONE: ReadLeases = { leases: undefined, error: undefined };

/** Who has leased what. Reads the store where there is one and this user is root, and makes none. Close it. */
export class LeaseReader implements Disposable {
  readonly #host: Host;
  #store: LeaseStore | undefined;
  #last: ReadLeases = NONE;
  #change = -1;
  #readAt = -Infinity;

  constructor(host: Host) {
    this.#host = host;
  }

  [Symbol.dispose](): void {
    this.#store?.[Symbol.dispose]();
    this.#store = undefined;
  }

  /** What the GPUs said just now is kept for whoever asks for one. */
  read(states: readonly GpuState[]): ReadLeases {
    const site = leaseSiteOf(this.#host);
    if (effectiveUid() !== 0 || !hasLeaseStore(site.folder)) return NONE;
    try {
      this.#store ??= openStore(site);
      this.#refresh(this.#store, () => keepStates(site, states));
      return this.#last;
    } catch (thrown) {
      this[Symbol.dispose]();
      return { leases: undefined, error: `leases: ${messageOf(thrown)}` };
    }
  }

  #refresh(store: LeaseStore, keep: () => void): void {
    const [change, now] = [store.changeCount(), performance.now()];
    if (now - this.#readAt > AGAIN_MS) keep();
    if (change === this.#change && now - this.#readAt < AGAIN_MS) return;
    this.#last = { leases: store.read(lookNow()).leases, error: undefined };
    this.#change = change;
    this.#readAt = now;
  }
}
