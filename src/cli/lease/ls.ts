import { escapeControls } from "../../base/index.ts";
import {
  type Lease,
  type LeaseEvent,
  type LeaseSite,
  type Ledger,
  lookNow,
  nameOf,
  openExistingStore,
} from "../../leases/index.ts";
import { terminalWidth } from "../../linux/index.ts";
import { readUserNames } from "../../watch/index.ts";
import type { World } from "../context.ts";
import { fitTable, type Column } from "../gpus/columns.ts";
import { cutLine, paintLine, plain } from "../gpus/paint.ts";
import { findLeaseSite } from "./lease-site.ts";

const EVENTS = 100;

type Told = Ledger & { readonly events: readonly LeaseEvent[] };

/** `berth lease ls`: who has which, who waits, what is given to nobody. */
export function listLeases(this: World, { json }: { readonly json?: boolean }): void {
  const site = findLeaseSite(this);
  const told = readAll(site);
  if (json === true) this.print(`${JSON.stringify(toJson(told), null, 2)}\n`);
  else this.print(formatLedger(told, site, { now: Date.now(), width: terminalWidth(1) }));
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

interface Layout {
  readonly now: number;
  /** Columns of the terminal; undefined: lines are as long as they are. */
  readonly width: number | undefined;
}

function formatLedger({ leases, tickets, marks }: Ledger, site: LeaseSite, layout: Layout): string {
  const users = readUserNames();
  const waiting = tickets.map(({ owner, uid, wish }) => {
    return `waiting: process ${owner.pid} of user ${userOf(uid, users)} for ${escapeControls(wish)}\n`;
  });
  const marked = marks.map(({ key, state, reason }) => {
    return `${state}: GPU ${nameOf(key, site)}${reason === "" ? "" : `: ${escapeControls(reason)}`}\n`;
  });
  return [leases.length === 0 ? "No leases.\n" : formatLeases(leases, users, layout), ...waiting, ...marked].join("");
}

type Users = ReadonlyMap<number, string>;

function userOf(uid: number, users: Users): string {
  return escapeControls(users.get(uid) ?? String(uid));
}

function formatLeases(leases: readonly Lease[], users: Users, { now, width }: Layout): string {
  const { heading, lineOf } = fitTable(leaseColumns(users, now), leases, width);
  const lines = [heading, ...leases.map(lineOf)].map((line) => cutLine(line, width ?? Infinity));
  return lines.map((line) => `${paintLine(line, false).trimEnd()}\n`).join("");
}

/** Where there is little room those of the highest rank are left out first. */
function leaseColumns(users: Users, now: number): readonly Column<Lease>[] {
  return [
    column("LEASE", 0, ({ id }) => id.slice(0, 8)),
    column("STATE", 4, ({ state }) => state),
    column("MODE", 6, ({ mode }) => mode),
    column("GPUS", 1, ({ devices }) => devices.map(({ name }) => escapeControls(name)).join(",")),
    column("CONTAINER", 3, ({ container }) => plain(container?.name || container?.id.slice(0, 12))),
    column("IMAGE", 9, ({ container }) => plain(container?.image)),
    column("USER", 2, ({ container, uid }) => plain(container?.user, userOf(uid, users))),
    column("PROCESS", 7, ({ owner }) => String(owner.pid)),
    column("SINCE", 5, ({ at }) => formatAge(now - at)),
    {
      ...column("FOR", 8, ({ label, container }) => (label === container?.name ? "" : escapeControls(label))),
      isFlexible: true,
    },
  ];
}

function column(heading: string, rank: number, text: (lease: Lease) => string): Column<Lease> {
  return { heading, rank, text };
}

/** "12s", "3m", "5h", "2d": the largest unit that is full. */
function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
