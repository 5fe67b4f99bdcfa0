import { messageOf } from "../base/index.ts";
import { deny } from "./deny.ts";
import type { Lease } from "./lease.ts";
import { lookNow, openStore, type LeaseSite } from "./lease-site.ts";
import { identify } from "./owner.ts";
import { lookAtGpus, type LookOptions } from "./read-usage.ts";
import { isHopeless, refusal } from "./refusal.ts";
import type { Asking, Taken } from "./asking.ts";
import type { LeaseStore } from "./store.ts";

export interface Waiting extends LookOptions {
  /** 0: not at all. */
  readonly waitMs: number;
  /** Each time that there was not enough. */
  readonly tell: (short: Taken) => void;
}

const LOOK_MS = 100;
/** GPUs that others use without a lease become idle without a change of the store. */
const LONGEST_PAUSE_MS = 2000;

/** Takes what is wished for, at once or when it is there and those who came earlier are served. Throws BERTH-A002 to A004 where that is not so in time, or never. */
export async function waitForLease(site: LeaseSite, asking: Asking, waiting: Waiting): Promise<Lease> {
  using store = openStore(site);
  const deadline = performance.now() + waiting.waitMs;
  let ticket: number | undefined;
  try {
    for (;;) {
      const look = await lookAtGpus(site, waiting);
      const taken = store.take({ ...asking, ticket }, site.pool, look);
      if (taken.lease !== undefined) return taken.lease;
      if (isHopeless(asking.wish, taken.choice) || performance.now() >= deadline) throw refusal(asking.wish, taken);
      ticket ??= store.queue(asking, ownProcess(), look);
      waiting.tell(taken);
      await untilChanged(store, deadline);
    }
  } catch (error) {
    deny(store, asking, messageOf(error), ticket);
    throw error;
  }
}

/** The ticket is this process's: when it is killed while it waits, nobody waits behind it. */
function ownProcess() {
  const owner = identify(process.pid, lookNow().here);
  if (owner === undefined) throw new RangeError("procfs does not show this process");
  return owner;
}

/** Many who wait do not look all at once. */
async function untilChanged(store: LeaseStore, deadline: number): Promise<void> {
  const end = Math.min(deadline, performance.now() + LONGEST_PAUSE_MS);
  const before = store.changeCount();
  while (performance.now() < end && store.changeCount() === before) {
    await Bun.sleep(Math.max(0, Math.min(LOOK_MS * (0.5 + Math.random()), end - performance.now())));
  }
}
