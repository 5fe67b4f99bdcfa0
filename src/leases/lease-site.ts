import { BerthError } from "../base/index.ts";
import { normalizePciAddress, type Host } from "../host/index.ts";
import { readBootId, uptimeMs } from "../linux/index.ts";
import { listPool, type Pool } from "./device.ts";
import { lookHere } from "./owner.ts";
import { NO_READINGS, type Readings } from "./readings.ts";
import type { Look } from "./reap.ts";
import { LeaseStore } from "./store.ts";
import { lacksLeaseStore, leaseFolder } from "./store-path.ts";

/** The machine that leases are about. */
export interface LeaseSite {
  readonly host: Host;
  readonly pool: Pool;
  /** Where the store is, on this machine. */
  readonly folder: string;
}

/** Leases of a described host lie under its root. */
export function leaseSiteOf(host: Host): LeaseSite {
  return { host, pool: listPool(host), folder: leaseFolder(host.root) };
}

export function openStore({ folder }: LeaseSite): LeaseStore {
  return LeaseStore.open(folder);
}

/** For whoever only looks, so that no store is made for that. Undefined: there is none. */
export function openExistingStore(site: LeaseSite): LeaseStore | undefined {
  return lacksLeaseStore(site.folder) ? undefined : openStore(site);
}

/** What there is to be seen at this moment, with what a look at the GPUs has told. */
export function lookNow({ usage, nvlinks = new Map() }: Readings = NO_READINGS, isUnchecked = false): Look {
  return { here: lookHere(readBootId()), now: Date.now(), uptime: uptimeMs(), usage, nvlinks, isUnchecked };
}

/** The key of the GPU or MIG device that a word names. Throws BERTH-R001. */
export function findKey(word: string, { host, pool }: LeaseSite): string {
  const isIt = (...names: readonly (string | undefined)[]): boolean =>
    names.some((name) => name?.toLowerCase() === word.toLowerCase());
  const gpu = host.gpus.find(({ index, uuid, bus }) => isIt(`${index}`, uuid) || normalizePciAddress(word) === bus);
  const device = pool.devices.find(({ name, key, uuid, visibleName }) => isIt(name, key, uuid, visibleName));
  const key = gpu?.bus ?? device?.key;
  if (key !== undefined) return key;
  const message = `Cannot find GPU "${word}": no GPU and no MIG device of this host has this name`;
  throw new BerthError({ code: "BERTH-R001", message, remedy: 'list the devices with "berth host"' });
}

/** As people name it: "0 (0000:1b:00.0)". */
export function nameOf(key: string, { host, pool }: LeaseSite): string {
  const name = pool.devices.find((device) => device.key === key)?.name;
  const index = host.gpus.find(({ bus }) => bus === key)?.index;
  return `${name ?? index ?? "?"} (${key})`;
}
