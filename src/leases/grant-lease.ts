import type { Database } from "bun:sqlite";
import { addEvent } from "./event-rows.ts";
import type { Lease, LeasedContainer } from "./lease.ts";
import type { Look } from "./reap.ts";
import { insertLease } from "./rows.ts";

type New = Pick<Lease, "mode" | "owner" | "uid" | "container" | "label" | "wish" | "devices"> & {
  readonly isBound?: boolean;
};

/** Writes a new lease down. Throws SQLite's error where somebody has one of its devices. */
export function grantLease(database: Database, asked: New, { now, uptime }: Look): Lease {
  const { mode, owner, uid, container, label, wish, devices, isBound } = asked;
  const id = crypto.randomUUID().replaceAll("-", "");
  const state = isBound === true ? ("BOUND" as const) : ("RESERVED" as const);
  const times = { at: now, since: uptime, seen: now };
  const lease = { id, state, mode, owner, uid, container, label, wish, ...times, devices };
  const generation = insertLease(database, lease);
  const device = devices.map(({ key }) => key).join(",");
  const text = `${describeAsker(asked)}, ${wish}`;
  addEvent(database, { at: now, kind: "taken", lease: id, device, text });
  return { ...lease, generation };
}

/** "process 12, user 1000", "container web, process 12, user 0" */
export function describeAsker({ owner, uid, container }: Pick<Lease, "owner" | "uid" | "container">): string {
  const process = `process ${owner.pid}, user ${uid}`;
  return container === undefined ? process : `container ${nameOf(container)}, ${process}`;
}

const MAX_NAME = 100;

/** A name can be whatever somebody wants: nothing in it ends it, or begins what follows it. */
function nameOf({ name, id }: LeasedContainer): string {
  return (name || id.slice(0, 12)).slice(0, MAX_NAME).replaceAll(/[\s,:]/g, "_");
}
