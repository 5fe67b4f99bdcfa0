import type { Database } from "bun:sqlite";
import { readContainerInit } from "./container-init.ts";
import { addEvent, putMark } from "./event-rows.ts";
import { STARTED_ANEW } from "./history.ts";
import { addHistory } from "./history-rows.ts";
import type { Lease, LeaseEvent } from "./lease.ts";
import type { Nvlinks } from "./nvlinks.ts";
import { lifeOf, type Here, type Owner } from "./owner.ts";
import {
  deleteLease,
  deleteTicket,
  readLeases,
  readTickets,
  setLeaseOwner,
  setLeaseSeen,
  setLeaseState,
} from "./rows.ts";
import { describeUse, judgeUse, NOT_ASKED, type Usage } from "./usage.ts";

/** What is looked at: who asks, when, and what is known of the use of devices (by key; empty: nobody looked). */
export interface Look {
  readonly here: Here;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds since the boot. */
  readonly uptime: number;
  readonly usage: ReadonlyMap<string, Usage>;
  /** Without it nobody knows them. */
  readonly nvlinks?: Nvlinks;
  /** GPUs of whose use nothing is known count as idle. */
  readonly isUnchecked: boolean;
}

/** What became of a lease, and why. */
export type End = Pick<LeaseEvent, "text"> & { readonly kind: "released" | "reaped" };

/** How long memory may be held after a release before it is a ghost's. */
const DRAIN_MS = 30_000;
/** How long one may be silent who waits and whose process cannot be seen from here: it says every half a minute that it still waits. */
const SILENT_MS = 120_000;
/** How often it is written down that a lease lives. */
const SEEN_MS = 60_000;
/** A clock tick is 10 ms, and both times are rounded down. */
const TICK_MS = 10;

/**
 * Takes the leases of owners that are gone, and the tickets of waiters that are; gives a lease to the init of its container; then frees what is drained. Within a transaction that may write. Nothing is written
 * where nothing changes, so that those who wait for a change are not woken by each other.
 */
export function reap(database: Database, look: Look): void {
  for (const { sequence, owner, seen } of readTickets(database)) {
    const life = lifeOf(owner, look.here);
    const isSilent = life === "foreign" && Math.abs(look.now - seen) > SILENT_MS;
    if (life === "dead" || life === "gone-boot" || isSilent) deleteTicket(database, sequence);
  }
  for (const lease of readLeases(database)) reapLease(database, lease, look);
}

function reapLease(database: Database, lease: Lease, look: Look): void {
  const life = lifeOf(lease.owner, look.here);
  if (life === "gone-boot") {
    if (lease.state !== "DRAINING") endLease(database, lease, look, { kind: "reaped", text: STARTED_ANEW });
    deleteLease(database, lease);
    return;
  }
  if (lease.state === "DRAINING") return settle(database, lease, look);
  const init = life === "foreign" ? undefined : findInit(lease, look.here);
  if (init !== undefined) return bindLease(database, lease, init, look);
  if (life === "dead")
    return startDraining(database, lease, look, { kind: "reaped", text: `process ${lease.owner.pid} is gone` });
  if (look.now - lease.seen >= SEEN_MS) setLeaseSeen(database, lease, look.now);
}

/**
 * The init of a reserved lease's container, once whoever made the container is gone. An init that is older than the lease is that of an earlier life of the container; one that is dead is none.
 */
function findInit({ state, owner, container, since }: Lease, here: Here): Owner | undefined {
  if (state !== "RESERVED" || container === undefined || container.state === "") return undefined;
  if (lifeOf({ ...owner, cgroups: [] }, here) !== "dead") return undefined;
  const init = readContainerInit(container.state);
  if (init === undefined || Number(init.start) * TICK_MS < since - 2 * TICK_MS) return undefined;
  const cgroups = [...new Set([...owner.cgroups, ...init.cgroups])];
  const found = { ...owner, pid: init.pid, start: init.start, cgroups };
  return lifeOf({ ...found, cgroups: [] }, here) === "alive" ? found : undefined;
}

/** The lease is its container's from now on. */
export function bindLease(database: Database, lease: Lease, owner: Owner, { now, uptime }: Look): void {
  setLeaseOwner(database, lease, owner);
  setLeaseState(database, lease, "BOUND", uptime);
  setLeaseSeen(database, lease, now);
  addEvent(database, { at: now, kind: "bound", lease: lease.id, device: "", text: `process ${owner.pid}` });
}

/** Its devices stay its own until they are known to be idle; at once where they are. */
export function startDraining(database: Database, lease: Lease, look: Look, end: End): void {
  endLease(database, lease, look, end);
  setLeaseState(database, lease, "DRAINING", look.uptime);
  settle(database, { ...lease, state: "DRAINING", since: look.uptime }, look);
}

function endLease(database: Database, lease: Lease, look: Look, { kind, text }: End): void {
  log(database, lease, look, { kind, text });
  // Whoever releases it says that it has lived until now.
  const seen = kind === "released" ? look.now : lease.seen;
  addHistory(database, { ...lease, seen }, look.now, text === "" ? kind : text);
}

/**
 * Frees a lease whose devices are idle. What nobody uses and is not idle after a while is quarantined; what a process uses by then is that process's, and is seen as such. Of what others have as well nothing can be said by
 * its use, so that it is not waited for.
 */
function settle(database: Database, lease: Lease, look: Look): void {
  const others = readLeases(database).filter(({ id, state }) => id !== lease.id && state !== "DRAINING");
  const taken = new Set(others.flatMap(({ devices }) => devices.map(({ key }) => key)));
  const uses = lease.devices
    .filter(({ key }) => !taken.has(key))
    .map((device) => ({ device, usage: look.usage.get(device.key) ?? NOT_ASKED }));
  const judged = uses.map((each) => ({ ...each, use: judgeUse(each.usage) }));
  const isLate = look.uptime - lease.since >= DRAIN_MS;
  const isOpen = judged.some(({ use }) => (use === "unknown" ? !look.isUnchecked : use !== "idle" && !isLate));
  if (isOpen) return;
  for (const { device, usage, use } of judged) {
    if (use !== "suspect") continue;
    const reason = `${DRAIN_MS / 1000} seconds after lease ${lease.id.slice(0, 8)} ended it is still in use by nobody that can be seen (${describeUse(usage)})`;
    putMark(database, { key: device.key, state: "quarantined", reason, at: look.now });
    addEvent(database, { at: look.now, kind: "quarantined", lease: lease.id, device: device.key, text: reason });
  }
  free(database, lease, look);
}

/** Ends it and frees its devices at once, as what follows is its own. */
export function endNow(database: Database, lease: Lease, look: Look, text: string): void {
  if (lease.state !== "DRAINING") endLease(database, lease, look, { kind: "released", text });
  free(database, lease, look);
}

/** Nobody has its devices any more, whatever they are doing. */
export function free(database: Database, lease: Lease, look: Look): void {
  log(database, lease, look, { kind: "freed", text: "" });
  deleteLease(database, lease);
}

function log(database: Database, lease: Lease, look: Look, { kind, text }: Pick<LeaseEvent, "kind" | "text">): void {
  const device = lease.devices.map(({ key }) => key).join(",");
  addEvent(database, { at: look.now, kind, lease: lease.id, device, text });
}
