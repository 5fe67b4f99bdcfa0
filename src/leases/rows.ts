import type { Database } from "bun:sqlite";
import { fromColumns, toColumns, type ContainerColumns } from "./container-columns.ts";
import { insert } from "./insert.ts";
import type { Lease, LeasedContainer, LeasedDevice, Ticket } from "./lease.ts";
import type { Owner } from "./owner.ts";

interface OwnerRow {
  readonly boot: string;
  readonly pidNamespace: string;
  readonly pid: number;
  readonly start: string;
}
type LeaseRow = OwnerRow &
  ContainerColumns &
  Omit<Lease, "owner" | "container" | "devices"> & { readonly cgroups: string };
type TicketRow = OwnerRow & Omit<Ticket, "owner" | "seen"> & { readonly at: number };
type GripRow = LeasedDevice & { readonly lease: number };

/** In the order in which they were taken. */
export function readLeases(database: Database): readonly Lease[] {
  const rows = database.query<LeaseRow, []>("SELECT * FROM lease ORDER BY generation").all();
  const grips = database.query<GripRow, []>("SELECT * FROM grip ORDER BY rowid").all();
  return rows.map((row) => toLease(row, grips));
}

function toLease(row: LeaseRow, grips: readonly GripRow[]): Lease {
  const { id, generation, state, mode, uid, label, wish, at, since, seen } = row;
  const { boot, pidNamespace, pid, start, cgroups } = row;
  const owner = { boot, pidNamespace, pid, start, cgroups: cgroups === "" ? [] : cgroups.split("\n") };
  const devices = grips.filter(({ lease }) => lease === generation).map(toDevice);
  return {
    id,
    generation,
    state,
    mode,
    owner,
    uid,
    container: fromColumns(row),
    label,
    wish,
    at,
    since,
    seen,
    devices,
  };
}

function toDevice({ key, gpuKey, name, visibleName }: LeasedDevice): LeasedDevice {
  return { key, gpuKey, name, visibleName };
}

/** Who waits, the first first. */
export function readTickets(database: Database): readonly Ticket[] {
  const rows = database.query<TicketRow, []>("SELECT * FROM ticket ORDER BY sequence").all();
  return rows.map(({ sequence, uid, wish, at, boot, pidNamespace, pid, start }) => {
    return { sequence, owner: { boot, pidNamespace, pid, start, cgroups: [] }, uid, wish, seen: at };
  });
}

/** Its generation, which the store gives. Throws SQLite's error when somebody has one of the devices that is not shared. */
export function insertLease(database: Database, lease: Omit<Lease, "generation">): number {
  const { owner, devices, container, ...rest } = lease;
  const { lastInsertRowid } = insert(database, "lease", {
    ...rest,
    ...ownerColumns(owner),
    ...toColumns(container),
    cgroups: joinGroups(owner),
  });
  const generation = Number(lastInsertRowid);
  const isShared = lease.mode === "shared" ? 1 : 0;
  for (const device of devices) insert(database, "grip", { ...toDevice(device), isShared, lease: generation });
  return generation;
}

export function setLeaseState(database: Database, lease: Lease, state: Lease["state"], since: number): void {
  database.run("UPDATE lease SET state = ?, since = ? WHERE generation = ?", [state, since, lease.generation]);
}

export function setLeaseOwner(database: Database, lease: Lease, owner: Owner): void {
  update(database, { ...ownerColumns(owner), cgroups: joinGroups(owner) }, lease.generation);
}

export function setLeaseContainer(database: Database, lease: Lease, container: LeasedContainer): void {
  update(database, { ...toColumns(container) }, lease.generation);
}

export function setLeaseSeen(database: Database, lease: Lease, seen: number): void {
  update(database, { seen }, lease.generation);
}

export function deleteLease(database: Database, lease: Lease): void {
  database.run("DELETE FROM lease WHERE generation = ?", [lease.generation]);
}

/** How often one who waits says so: each change of the store has all who wait look. */
const RENEWAL_MS = 30_000;

export function renewTicket(database: Database, sequence: number, now: number): void {
  const statement = "UPDATE ticket SET at = ? WHERE sequence = ? AND abs(? - at) >= ?";
  database.run(statement, [now, sequence, now, RENEWAL_MS]);
}

export function insertTicket(database: Database, ticket: Omit<Ticket, "sequence" | "seen">, at: number): number {
  const { owner, ...rest } = ticket;
  return Number(insert(database, "ticket", { ...rest, ...ownerColumns(owner), at }).lastInsertRowid);
}

export function deleteTicket(database: Database, sequence: number): void {
  database.run("DELETE FROM ticket WHERE sequence = ?", [sequence]);
}

function ownerColumns({ boot, pidNamespace, pid, start }: Owner): OwnerRow {
  return { boot, pidNamespace, pid, start };
}

function update(
  database: Database,

  row: Readonly<Record<string, string | number>>,
  generation: number,
): void {
  const changes = Object.keys(row).map((name) => `${name} = ?`);
  database.run(`UPDATE lease SET ${changes.join(", ")} WHERE generation = ?`, [...Object.values(row), generation]);
}

/** A line each; a name that would be two lines is none that a control group of a container has. */
function joinGroups({ cgroups }: Owner): string {
  return cgroups.filter((folder) => !folder.includes("\n")).join("\n");
}
