import { escapeControls, formatTable } from "../../base/index.ts";
import {
  type Lease,
  type LeaseEvent,
  type LeaseSite,
  type Ledger,
  lookNow,
  nameOf,
  openExistingStore,
} from "../../leases/index.ts";
import type { World } from "../context.ts";
import { findLeaseSite } from "./lease-site.ts";

const EVENTS = 100;

type Told = Ledger & { readonly events: readonly LeaseEvent[] };

/** `berth lease ls`: who has which, who waits, what is given to nobody. */
export function listLeases(this: World, { json }: { readonly json?: boolean }): void {
  const site = findLeaseSite(this);
  const told = readAll(site);
  this.print(json === true ? `${JSON.stringify(toJson(told), null, 2)}\n` : formatLedger(told, site, Date.now()));
}

function readAll(site: LeaseSite): Told {
  using store = openExistingStore(site);
  if (store === undefined) return { leases: [], tickets: [], marks: [], events: [] };
  return { ...store.read(lookNow()), events: store.events(EVENTS) };
}

/** What docs/lease.schema.json describes. Every field is always there. */
function toJson({ leases, tickets, marks, events }: Told) {
  const whole = leases.map((lease) => ({ ...lease, container: lease.container ?? null }));
  return { schema: "berth-lease-1", leases: whole, tickets, marks, events };
}

function formatLedger({ leases, tickets, marks }: Ledger, site: LeaseSite, now: number): string {
  const waiting = tickets.map(
    ({ owner, uid, wish }) => `waiting: process ${owner.pid} of user ${uid} for ${escapeControls(wish)}\n`,
  );
  const marked = marks.map(({ key, state, reason }) => {
    return `${state}: GPU ${nameOf(key, site)}${reason === "" ? "" : `: ${escapeControls(reason)}`}\n`;
  });
  return [leases.length === 0 ? "No leases.\n" : formatLeases(leases, now), ...waiting, ...marked].join("");
}

const HEAD = ["LEASE", "STATE", "MODE", "GPUS", "CONTAINER", "IMAGE", "USER", "PROCESS", "SINCE", "FOR"];

function formatLeases(leases: readonly Lease[], now: number): string {
  const rows = leases.map((lease) => [
    lease.id.slice(0, 8),
    lease.state,
    lease.mode,
    lease.devices.map(({ name }) => escapeControls(name)).join(","),
    ...aboutContainer(lease),
    `${lease.owner.pid}`,
    formatAge(now - lease.at),
    escapeControls(lease.label),
  ]);
  return formatTable([HEAD, ...rows]);
}

/** Its name, its image and its user; of a process only the user is known. */
function aboutContainer({ container, uid }: Lease): readonly string[] {
  if (container === undefined) return ["-", "-", `${uid}`];
  const { id, name, image, user } = container;
  return [name || id.slice(0, 12), image || "-", user || `${uid}`].map((text) => escapeControls(text));
}

/** "12s", "3m", "5h", "2d": the largest unit that is full. */
function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
