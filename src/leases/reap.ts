import type { Database } from "bun:sqlite";
import type { Lease, LeaseEvent } from "./lease.ts";
import { lifeOf, type Here } from "./owner.ts";
import { addEvent, deleteLease, deleteTicket, putMark, readLeases, readTickets, setLeaseState } from "./rows.ts";
import { describeUse, judgeUse, type Usage } from "./usage.ts";

/** What is looked at: who asks, when, and what is known of the use of devices (by key; empty: nobody looked). */
export interface Look {
  readonly here: Here;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds since the boot. */
  readonly uptime: number;
  readonly usage: ReadonlyMap<string, Usage>;
  /** GPUs of whose use nothing is known count as idle. */
  readonly isUnchecked: boolean;
}

/** What became of a lease, and why. */
type End = Pick<LeaseEvent, "text"> & { readonly kind: "released" | "reaped" | "freed" };

/** How long memory may be held after a release before it is a ghost's. */
const DRAIN_MS = 30_000;

/**
 * Takes the leases of owners that are gone, and the tickets of waiters that are; then frees what is drained. Within a transaction that may write. Nothing is written where nothing changes, so that those who
 * wait for a change are not woken by each other.
 */
export function reap(database: Database, look: Look): void {
  for (const { sequence, owner } of readTickets(database)) {
    const life = lifeOf(owner, look.here);
    if (life === "dead" || life === "gone-boot") deleteTicket(database, sequence);
  }
  for (const lease of readLeases(database)) reapLease(database, lease, look);
}

function reapLease(database: Database, lease: Lease, look: Look): void {
  const life = lifeOf(lease.owner, look.here);
  if (life === "gone-boot") {
    log(database, lease, look, { kind: "reaped", text: "the machine was started anew" });
    deleteLease(database, lease);
    return;
  }
  if (lease.state === "DRAINING") return settle(database, lease, look);
  if (life === "dead")
    startDraining(database, lease, look, { kind: "reaped", text: `process ${lease.owner.pid} is gone` });
}

/** Its devices stay its own until they are known to be idle; at once where they are. */
export function startDraining(database: Database, lease: Lease, look: Look, end: End): void {
  log(database, lease, look, end);
  setLeaseState(database, lease, "DRAINING", look.uptime);
  settle(database, { ...lease, state: "DRAINING", since: look.uptime }, look);
}

/** Frees a lease whose devices are idle. What nobody uses and is not idle after a while is quarantined; what a process uses by then is that process's, and is seen as such. */
function settle(database: Database, lease: Lease, look: Look): void {
  const uses = lease.devices.map((device) => ({ device, usage: usageOf(device.key, look) }));
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
  log(database, lease, look, { kind: "freed", text: "" });
  deleteLease(database, lease);
}

function usageOf(key: string, { usage }: Look): Usage {
  return usage.get(key) ?? { kind: "unknown", why: "the driver was not asked" };
}

function log(database: Database, lease: Lease, look: Look, { kind, text }: End): void {
  const device = lease.devices.map(({ key }) => key).join(",");
  addEvent(database, { at: look.now, kind, lease: lease.id, device, text });
}
