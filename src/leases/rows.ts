import type { Database } from "bun:sqlite";
import type { Lease, LeasedDevice, LeaseEvent, Mark, Ticket } from "./lease.ts";
import type { Owner } from "./owner.ts";

/** How many events are kept. */
const MAX_EVENTS = 1000;

interface OwnerRow {
  readonly boot: string;
  readonly pidNamespace: string;
  readonly pid: number;
  readonly start: string;
}
type LeaseRow = OwnerRow & Omit<Lease, "owner" | "devices"> & { readonly cgroups: string };
type TicketRow = OwnerRow & Omit<Ticket, "owner">;

/** In the order in which they were taken. */
export function readLeases(database: Database): readonly Lease[] {
  const rows = database.query<LeaseRow, []>("SELECT * FROM lease ORDER BY generation").all();
  const grips = database
    .query<LeasedDevice & { readonly lease: number }, []>("SELECT * FROM grip ORDER BY rowid")
    .all();
  return rows.map(({ boot, pidNamespace, pid, start, cgroups, ...row }) => ({
    ...row,
    owner: { boot, pidNamespace, pid, start, cgroups: cgroups === "" ? [] : cgroups.split("\n") },
    devices: grips.filter(({ lease }) => lease === row.generation).map(toDevice),
  }));
}

function toDevice({ key, gpuKey, name, visibleName }: LeasedDevice): LeasedDevice {
  return { key, gpuKey, name, visibleName };
}

/** Who waits, the first first. */
export function readTickets(database: Database): readonly Ticket[] {
  const rows = database.query<TicketRow, []>("SELECT * FROM ticket ORDER BY sequence").all();
  return rows.map(({ sequence, uid, wish, ...owner }) => ({ sequence, uid, wish, owner: { ...owner, cgroups: [] } }));
}

export function readMarks(database: Database): readonly Mark[] {
  return database.query<Mark, []>("SELECT key, state, reason, at FROM device ORDER BY key").all();
}

/** The newest last. */
export function readEvents(database: Database, count: number): readonly LeaseEvent[] {
  return database
    .query<LeaseEvent, [number]>("SELECT at, kind, lease, device, text FROM event ORDER BY sequence DESC LIMIT ?")
    .all(count)
    .toReversed();
}

/** Its generation, which the store gives. Throws SQLite's error when somebody has one of the devices. */
export function insertLease(database: Database, lease: Omit<Lease, "generation">): number {
  const { owner, devices, ...rest } = lease;
  const { lastInsertRowid } = insert(database, "lease", {
    ...rest,
    ...ownerColumns(owner),
    cgroups: owner.cgroups.join("\n"),
  });
  const generation = Number(lastInsertRowid);
  for (const device of devices) insert(database, "grip", { ...device, lease: generation });
  return generation;
}

export function setLeaseState(database: Database, lease: Lease, state: Lease["state"], since: number): void {
  database.run("UPDATE lease SET state = ?, since = ? WHERE generation = ?", [state, since, lease.generation]);
}

export function setLeaseOwner(database: Database, lease: Lease, owner: Owner): void {
  const { boot, pidNamespace, pid, start, cgroups } = owner;
  database.run("UPDATE lease SET boot = ?, pidNamespace = ?, pid = ?, start = ?, cgroups = ? WHERE generation = ?", [
    boot,
    pidNamespace,
    pid,
    start,
    cgroups.join("\n"),
    lease.generation,
  ]);
}

export function deleteLease(database: Database, lease: Lease): void {
  database.run("DELETE FROM lease WHERE generation = ?", [lease.generation]);
}

export function insertTicket(database: Database, ticket: Omit<Ticket, "sequence">, at: number): number {
  const { owner, ...rest } = ticket;
  return Number(insert(database, "ticket", { ...rest, ...ownerColumns(owner), at }).lastInsertRowid);
}

export function deleteTicket(database: Database, sequence: number): void {
  database.run("DELETE FROM ticket WHERE sequence = ?", [sequence]);
}

export function putMark(database: Database, { key, state, reason, at }: Mark): void {
  database.run("INSERT OR REPLACE INTO device (key, state, reason, at) VALUES (?, ?, ?, ?)", [key, state, reason, at]);
}

/** Whether there was one. */
export function deleteMark(database: Database, key: string): boolean {
  return database.run("DELETE FROM device WHERE key = ?", [key]).changes > 0;
}

export function addEvent(database: Database, event: LeaseEvent): void {
  const { lastInsertRowid } = insert(database, "event", { ...event });
  database.run("DELETE FROM event WHERE sequence <= ?", [Number(lastInsertRowid) - MAX_EVENTS]);
}

/** The number of the newest event; 0: there is none. */
export function lastEvent(database: Database): number {
  return database.query<{ last: number | null }, []>("SELECT max(sequence) AS last FROM event").get()?.last ?? 0;
}

function ownerColumns({ boot, pidNamespace, pid, start }: Owner): OwnerRow {
  return { boot, pidNamespace, pid, start };
}

function insert(database: Database, table: string, row: Readonly<Record<string, string | number>>) {
  const names = Object.keys(row);
  const places = names.map(() => "?").join(", ");
  return database.run(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`, Object.values(row));
}
