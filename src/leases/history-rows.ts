import type { Database } from "bun:sqlite";
import { tryJson } from "../base/index.ts";
import { fromColumns, toColumns, type ContainerColumns } from "./container-columns.ts";
import { forgetOld } from "./history.ts";
import { insert } from "./insert.ts";
import type { Holding, Lease, LeasedContainer, LeasedDevice } from "./lease.ts";

type Row = ContainerColumns &
  Omit<Holding, "container" | "devices" | "endedAt"> & {
    readonly devices: string;
    readonly endedAt: number;
  };

/** Writes down that a lease has ended, and how. */
export function addHistory(database: Database, lease: Lease, endedAt: number, how: string): void {
  const { generation, id, mode, uid, label, wish, at, seen, container, devices } = lease;
  const { lastInsertRowid } = insert(database, "history", {
    ...toColumns(container),
    generation,
    id,
    mode,
    uid,
    label,
    wish,
    devices: JSON.stringify(devices),
    at,
    seen,
    endedAt,
    how,
  });
  forgetOld(database, "history", Number(lastInsertRowid), endedAt);
}

/** Those that ended at that time and later, the oldest first. */
export function readHistory(database: Database, since: number): readonly Holding[] {
  return database
    .query<Row, [number]>("SELECT * FROM history WHERE endedAt >= ? ORDER BY sequence")
    .all(since)
    .map(toHolding);
}

/** The keys of the devices that a container had in its last life; none: it had no lease. */
export function lastDevices(database: Database, { id, state }: LeasedContainer): readonly string[] {
  const row = database
    .query<Pick<Row, "devices">, [string, string]>(
      "SELECT devices FROM history WHERE containerId = ? AND containerState = ? ORDER BY sequence DESC LIMIT 1",
    )
    .get(id, state);
  return row === null ? [] : toDevices(row.devices).map(({ key }) => key);
}

function toHolding(row: Row): Holding {
  const { id, generation, mode, uid, label, wish, at, seen, endedAt, how } = row;
  const devices = toDevices(row.devices);
  return { id, generation, mode, uid, container: fromColumns(row), label, wish, at, seen, devices, endedAt, how };
}

function toDevices(text: string): readonly LeasedDevice[] {
  const value = tryJson(text);
  return Array.isArray(value) ? value.filter(isDevice) : [];
}

function isDevice(value: unknown): value is LeasedDevice {
  if (typeof value !== "object" || value === null) return false;
  return ["key", "gpuKey", "name", "visibleName"].every((name) => typeof Reflect.get(value, name) === "string");
}
