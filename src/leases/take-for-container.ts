import { BerthError } from "../base/index.ts";
import type { Wish } from "../request/index.ts";
import type { Asking, NamedAsking, Taken, Used } from "./asking.ts";
import { choose } from "./choose.ts";
import type { Pool } from "./device.ts";
import { isOfContainer } from "./is-of-container.ts";
import type { Lease } from "./lease.ts";
import { lookNow, openStore, type LeaseSite } from "./lease-site.ts";
import { lookAtGpus, type LookOptions } from "./read-usage.ts";
import { deny } from "./deny.ts";
import { refusal } from "./refusal.ts";
import type { LeaseStore } from "./store.ts";

/** What a refusal of the store itself is written down for. */
const DENIALS: readonly string[] = ["BERTH-A010", "BERTH-A012", "BERTH-A013"];
const CLEARING_MS = 1000;

/** What a container was given. */
export interface Given {
  readonly lease: Lease;
  /** Sentences for whoever starts it. */
  readonly warnings: readonly string[];
}

/**
 * GPUs for a container that is about to start, by its wish: looks how they are used and takes them, or says why not. It never waits in the row of those who wait, and takes nothing that they are owed. Throws BERTH-A002 to
 * A012, and where the wish is optional too: it is for the caller to go without then (`isLack`).
 */
export async function takeForContainer(site: LeaseSite, asking: Asking, options: LookOptions): Promise<Given> {
  refuseTooMany(asking.wish, site.pool);
  using store = openStore(site);
  let taken = await lookAndTake(store, site, asking, options);
  if (taken.lease === undefined && isClearing(store, asking)) {
    await Bun.sleep(CLEARING_MS);
    taken = await lookAndTake(store, site, asking, options);
  }
  if (taken.lease !== undefined) return { lease: taken.lease, warnings: taken.warnings };
  const problem = refusal(asking.wish, taken);
  deny(store, asking, problem.message);
  throw problem;
}

/** More than the machine has, which may be none, whoever has them: neither the store nor the driver is asked for that, so that no image can have them asked again and again. */
function refuseTooMany(wish: Wish, pool: Pool): void {
  const gpus = new Set(pool.devices.map(({ gpuKey }) => gpuKey));
  if (wish.count <= (wish.count === 1 ? pool.devices.length : gpus.size)) return;
  const choice = choose(wish, { pool, claims: [], usage: new Map(), isUnchecked: true });
  throw refusal(wish, { choice, waiting: 0 });
}

/**
 * Writes down that a container has GPUs that were named, and holds that against the leases there are. Who wants them exclusively has the driver asked, as what has ended may have been idle for long. Throws BERTH-A005 to A007,
 * A009, A011, A013 and A014.
 */
export async function useForContainer(site: LeaseSite, asking: NamedAsking, options: LookOptions): Promise<Used> {
  const isAsked = asking.mode === "exclusive";
  const look = isAsked ? await lookAtGpus(site, options) : lookNow(undefined, options.isUnchecked);
  using store = openStore(site);
  return recordDenial(store, asking, () => store.useNamed(asking, site.pool, look));
}

/** Whether a failure says that GPUs cannot be had now, so that who only would like one goes without. */
export function isLack(error: unknown): boolean {
  return error instanceof BerthError && ["BERTH-A002", "BERTH-A003", "BERTH-A010"].includes(error.code);
}

/** Whether what the container had in the life that has just ended is still being cleared away. */
function isClearing(store: LeaseStore, { container }: Asking): boolean {
  if (container === undefined) return false;
  const { leases } = store.read(lookNow());
  return leases.some((lease) => lease.state === "DRAINING" && isOfContainer(lease, container));
}

async function lookAndTake(store: LeaseStore, site: LeaseSite, asking: Asking, options: LookOptions): Promise<Taken> {
  const look = await lookAtGpus(site, options);
  return recordDenial(store, asking, () => store.take(asking, site.pool, look));
}

function recordDenial<T>(store: LeaseStore, asking: Pick<Asking, "owner" | "uid" | "container">, take: () => T): T {
  try {
    return take();
  } catch (error) {
    const { code, message } = BerthError.from(error);
    if (DENIALS.includes(code)) deny(store, asking, message);
    throw error;
  }
}
