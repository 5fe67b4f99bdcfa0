import { escapeControls, formatTable } from "../../base/index.ts";
import type { Lease, Ledger } from "../../leases/index.ts";
import type { World } from "../context.ts";
import { findLeaseSite, lookNow, nameOf, openStore, type LeaseSite } from "./lease-site.ts";

const EVENTS = 100;

/** `berth lease ls`: who has which, who waits, what is given to nobody. */
export function listLeases(this: World, { json }: { readonly json?: boolean }): void {
  const site = findLeaseSite(this);
  using store = openStore(site);
  const look = lookNow();
  const ledger = store.read(look);
  if (json === true) this.print(`${JSON.stringify({ ...ledger, events: store.events(EVENTS) }, null, 2)}\n`);
  else this.print(formatLedger(ledger, site, look.now));
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

function formatLeases(leases: readonly Lease[], now: number): string {
  const rows = leases.map(({ id, state, devices, owner, uid, at, label }) => [
    id.slice(0, 8),
    state,
    devices.map(({ name }) => name).join(","),
    `${owner.pid}`,
    `${uid}`,
    formatAge(now - at),
    escapeControls(label),
  ]);
  return formatTable([["LEASE", "STATE", "GPUS", "PROCESS", "USER", "SINCE", "FOR"], ...rows]);
}

/** "12s", "3m", "5h", "2d": the largest unit that is full. */
function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
