import { BerthError, escapeControls, formatTable, parseStrictInteger } from "../../base/index.ts";
import { openExistingStore, type LeaseEvent, type LeaseSite } from "../../leases/index.ts";
import type { World } from "../context.ts";
import { formatTime, parseTime } from "../report/parse-time.ts";
import { findLeaseSite } from "./lease-site.ts";

interface Flags {
  readonly since?: string;
  readonly count?: string;
  readonly json?: boolean;
}

const DEFAULT_COUNT = 50;
const MAX_COUNT = 100_000;

/** `berth lease log`: what happened, the newest last. Throws BERTH-A030. */
export function printLog(this: World, { since, count, json }: Flags): void {
  const from = since === undefined ? undefined : parseTime("--since", since, Date.now());
  const limit = count === undefined ? (from === undefined ? DEFAULT_COUNT : MAX_COUNT) : readCount(count);
  const site = findLeaseSite(this);
  const events = readLog(site, limit, from);
  if (json === true)
    this.print(`${JSON.stringify({ schema: "berth-lease-log-1", events: events.map(toJson) }, null, 2)}\n`);
  else
    this.print(
      events.length === 0 ? "Nothing has happened.\n" : formatTable(events.map((event) => toRow(event, site))),
    );
}

function readLog(site: LeaseSite, count: number, since: number | undefined): readonly LeaseEvent[] {
  using store = openExistingStore(site);
  return store?.events(count, since === undefined ? {} : { since }) ?? [];
}

function readCount(text: string): number {
  const number = parseStrictInteger(text, MAX_COUNT);
  if (number !== undefined && number > 0) return number;
  const message = `Cannot read -n "${text}": it is no number from 1 to ${MAX_COUNT}`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: "write a number, as in -n 50" });
}

function toRow({ at, kind, lease, device, text }: LeaseEvent, { pool }: LeaseSite): readonly string[] {
  const name = (key: string): string => pool.devices.find((each) => each.key === key)?.name ?? key;
  const gpus = devicesOf(device).map(name).join(",");
  return [formatTime(at), kind, lease.slice(0, 8) || "-", escapeControls(gpus) || "-", escapeControls(text)];
}

function toJson({ at, kind, lease, device, text }: LeaseEvent) {
  return { time: new Date(at).toISOString(), kind, lease: lease || null, devices: devicesOf(device), text };
}

function devicesOf(device: string): readonly string[] {
  return device === "" ? [] : device.split(",");
}
