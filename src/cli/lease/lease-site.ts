import { join } from "node:path";
import { BerthError } from "../../base/index.ts";
import {
  describeHost,
  hostOptions,
  normalizePciAddress,
  onMachine,
  resolveInRoot,
  type Host,
} from "../../host/index.ts";
import { listPool, LeaseStore, lookHere, type Look, type Pool, type Usage } from "../../leases/index.ts";
import { readBootId, readText } from "../../linux/index.ts";
import type { World } from "../context.ts";
import { findSite } from "../site.ts";

/** The machine that leases are about. */
export interface LeaseSite {
  readonly host: Host;
  readonly pool: Pool;
  /** Where the store is, on this machine. */
  readonly folder: string;
}

const STATE = "/var/lib/berth";

/** Throws what `findSite` and `describeHost` throw. */
export function findLeaseSite(world: World): LeaseSite {
  const { root, config } = findSite(world);
  const host = describeHost(root, hostOptions(config));
  const folder = join(onMachine(root, resolveInRoot(root, STATE) ?? STATE), "leases");
  return { host, pool: listPool(host), folder };
}

export function openStore({ folder }: LeaseSite): LeaseStore {
  return LeaseStore.open(folder);
}

/** What there is to be seen at this moment. */
export function lookNow(usage: ReadonlyMap<string, Usage> = new Map(), isUnchecked = false): Look {
  const [seconds = "0"] = (readText("/proc/uptime", 256) ?? "").split(" ");
  const uptime = Math.round(Number(seconds) * 1000);
  return { here: lookHere(readBootId()), now: Date.now(), uptime, usage, isUnchecked };
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
