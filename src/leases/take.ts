import type { Database } from "bun:sqlite";
import { BerthError } from "../base/index.ts";
import { formatWish } from "../request/index.ts";
import { adopt } from "./adopt.ts";
import type { Asking, Taken } from "./asking.ts";
import { choose, NO_CHOICE, type Choice } from "./choose.ts";
import { claimsOf, owedTo } from "./claims.ts";
import type { Device, Pool } from "./device.ts";
import { readMarks } from "./event-rows.ts";
import { grantLease } from "./grant-lease.ts";
import { lastDevices } from "./history-rows.ts";
import { isOfContainer } from "./is-of-container.ts";
import type { Lease, LeasedContainer, LeasedDevice } from "./lease.ts";
import { joinByNvlink } from "./nvlinks.ts";
import { lifeOf } from "./owner.ts";
import { free, type Look } from "./reap.ts";
import { deleteTicket, readLeases, readTickets, renewTicket } from "./rows.ts";
import { judgeUse, NOT_ASKED, type Usage } from "./usage.ts";

/** Takes the lease that the wish names, or the best set of what is free and owed to nobody who came earlier. Within a transaction, after who is gone was reaped. */
export function takeDevices(database: Database, asking: Asking, pool: Pool, look: Look): Taken {
  if (lifeOf(asking.owner, look.here) !== "alive") throw noOwner(asking.owner.pid);
  const adopted = adopt(database, asking, look);
  if (adopted !== undefined) return { choice: NO_CHOICE, waiting: 0, ...adopted };
  const own = asking.container === undefined ? look : freeFormer(database, asking.container, look);
  const { choice, waiting, leases } = chooseDevices(database, asking, pool, own);
  if (choice.devices === undefined) {
    if (asking.ticket !== undefined) renewTicket(database, asking.ticket, look.now);
    return { lease: undefined, choice, waiting, warnings: [] };
  }
  checkLimit(asking, choice.devices.length, leases);
  const lease = grantLease(
    database,
    {
      ...asking,
      mode: asking.wish.isExclusive ? "exclusive" : "own",
      wish: formatWish({ ...asking.wish, lease: undefined }),
      devices: choice.devices.map(toLeased),
    },
    look,
  );
  if (asking.ticket !== undefined) deleteTicket(database, asking.ticket);
  return { lease, choice, waiting, warnings: [] };
}

/** What would be given now. */
export function chooseDevices(
  database: Database,
  asking: Pick<Asking, "wish" | "ticket"> & Partial<Pick<Asking, "container">>,
  pool: Pool,
  { usage, nvlinks = new Map(), isUnchecked }: Look,
): { readonly choice: Choice; readonly waiting: number; readonly leases: readonly Lease[] } {
  const { wish, ticket, container } = asking;
  const leases = readLeases(database);
  const earlier = readTickets(database).filter(({ sequence }) => ticket === undefined || sequence < ticket);
  const market = {
    pool: joinByNvlink(pool, nvlinks),
    claims: claimsOf(leases, readMarks(database)),
    usage,
    isUnchecked,
  };
  const claims = [...market.claims, ...owedTo(earlier, market)];
  const preferred = container === undefined ? [] : lastDevices(database, container);
  return { choice: choose(wish, { ...market, claims }, preferred), waiting: earlier.length, leases };
}

/**
 * What the container had in its last life is nobody's else: where the last look shows nothing on it, it is free again, as what the look before that saw was the container itself. Returns the look with
 * that in it.
 */
function freeFormer(database: Database, container: LeasedContainer, look: Look): Look {
  const former = readLeases(database).filter((lease) => lease.state === "DRAINING" && isOfContainer(lease, container));
  const keys = former.flatMap(({ devices }) => devices.map(({ key }) => key));
  const usage = new Map([...look.usage, ...keys.map((key) => [key, lastOnly(look.usage.get(key))] as const)]);
  for (const lease of former) {
    const uses = lease.devices.map(({ key }) => judgeUse(usage.get(key) ?? NOT_ASKED));
    if (uses.every((use) => use === "idle" || (use === "unknown" && look.isUnchecked))) free(database, lease, look);
  }
  return { ...look, usage };
}

function lastOnly(usage: Usage | undefined): Usage {
  if (usage === undefined || usage.kind === "unknown") return usage ?? NOT_ASKED;
  const last = usage.samples.at(-1);
  return last === undefined ? NOT_ASKED : { ...usage, samples: [last, last] };
}

export function toLeased({ key, gpuKey, name, visibleName }: Device): LeasedDevice {
  return { key, gpuKey, name, visibleName: visibleName ?? "" };
}

function checkLimit({ uid, userLimit }: Asking, count: number, leases: readonly Lease[]): void {
  const own = leases.filter(({ state, mode }) => state !== "DRAINING" && mode !== "shared");
  const has = own.filter((lease) => lease.uid === uid).flatMap(({ devices }) => devices).length;
  if (userLimit === undefined || has + count <= userLimit) return;
  throw new BerthError({
    code: "BERTH-A010",
    message: `Cannot give ${count} more to user ${uid}: that one has ${has}, and no more than ${userLimit} may be had`,
    remedy: "end a lease of that user: berth lease ls",
  });
}

export function noOwner(pid: number): BerthError {
  const message = `Cannot lease a GPU to process ${pid}: there is no such process`;
  return new BerthError({
    code: "BERTH-A009",
    message,
    remedy: "name one that lives as long as the GPUs are needed: --owner-pid PID",
  });
}
