import type { Database } from "bun:sqlite";
import { BerthError } from "../base/index.ts";
import type { NamedAsking, Used } from "./asking.ts";
import { describeLease } from "./claims.ts";
import type { Device, Pool } from "./device.ts";
import { readMarks } from "./event-rows.ts";
import { grantLease } from "./grant-lease.ts";
import { isOfContainer } from "./is-of-container.ts";
import type { Lease, LeasedDevice, LeasePolicy } from "./lease.ts";
import { lifeOf, type Owner } from "./owner.ts";
import { endNow, type Look } from "./reap.ts";
import { readLeases } from "./rows.ts";
import { noOwner, toLeased } from "./take.ts";

/**
 * Writes down that somebody has the GPUs that were named, and holds that against the leases of others. Within a transaction, after who is gone was reaped. Throws BERTH-A009 for an owner that is gone, A013 for a GPU that
 * the policy keeps from it.
 */
export function useDevices(database: Database, asking: NamedAsking, pool: Pool, look: Look): Used {
  const { container, mode, policy = "" } = asking;
  if (lifeOf(asking.owner, look.here) !== "alive") throw noOwner(asking.owner.pid);
  const devices = withoutParts([...new Set(asking.keys)].map((key) => findDevice(key, pool)));
  const leases = readLeases(database);
  const isOwn = (lease: Lease): boolean => container !== undefined && isOfContainer(lease, container);
  const others = leases.filter((lease) => !isOwn(lease));
  const warnings = devices.flatMap((device) => [
    ...others.flatMap((lease) => (hasGrip(lease, device) ? judgeLease(device, lease, mode, policy) : [])),
    ...warnOfMarks(database, device),
  ]);
  const own = leases.filter(isOwn).map((lease) => ({ lease, isLiving: isOfLiving(lease, asking.owner, look) }));
  const { held, kept } = replaceOwn(database, own, devices, look);
  if (mode === "exclusive") refuseShared(held, devices);
  const rest = devices.filter((device) => !held.some((lease) => hasGrip(lease, device)));
  // All that is named it has already by a lease of this life.
  if (rest.length === 0 && kept !== undefined) return { lease: kept, warnings };
  return { lease: grantLease(database, { ...asking, wish: asking.words, devices: rest }, look), warnings };
}

/** Who shares a GPU already is not told that it has it alone. */
function refuseShared(held: readonly Lease[], devices: readonly LeasedDevice[]): void {
  for (const lease of held.filter((each) => each.mode === "shared")) {
    const device = devices.find((each) => hasGrip(lease, each));
    if (device !== undefined) throw refuse(device, lease, "it is shared already");
  }
}

/** A part of a GPU that is named as a whole, too, is had with it. */
function withoutParts(devices: readonly LeasedDevice[]): readonly LeasedDevice[] {
  return devices.filter(({ key, gpuKey }) => key === gpuKey || !devices.some((other) => other.key === gpuKey));
}

/** Whether another process than the asking one has the lease, and lives: a second container of that id is not going to be, and must not end what the first one has. */
function isOfLiving({ owner }: Lease, asking: Owner, { here }: Look): boolean {
  return owner.pid !== asking.pid && lifeOf({ ...owner, cgroups: [] }, here) === "alive";
}

/** Its own leases give way to the new one: those of its last life, and those of this life that say no more than the new one. The others stay, as it has their devices still. */
function replaceOwn(
  database: Database,
  own: readonly { readonly lease: Lease; readonly isLiving: boolean }[],
  devices: readonly LeasedDevice[],
  look: Look,
): { readonly held: readonly Lease[]; readonly kept: Lease | undefined } {
  const isNamed = ({ key }: LeasedDevice): boolean => devices.some((device) => device.key === key);
  const replaced = own.filter(
    ({ lease, isLiving }) => lease.state === "DRAINING" || (!isLiving && lease.devices.every(isNamed)),
  );
  for (const { lease } of replaced) endNow(database, lease, look, "another one took its place");
  const held = own.filter((each) => !replaced.includes(each)).map(({ lease }) => lease);
  return { held, kept: held[0] };
}

/** A GPU in MIG mode is named as a whole, too; one that is not listed is kept under the key that it was named by. */
function findDevice(key: string, { devices }: Pool): LeasedDevice {
  const device: Device | undefined = devices.find((each) => each.key === key);
  if (device !== undefined) return toLeased(device);
  const [gpuKey = key] = key.split("/");
  const [name = gpuKey] = devices.find((each) => each.gpuKey === gpuKey)?.name.split(":") ?? [];
  return { key, gpuKey, name, visibleName: "" };
}

/** The same device, a part of it, or the whole. */
function hasGrip({ devices }: Lease, { key, gpuKey }: LeasedDevice): boolean {
  return devices.some((each) => each.key === key || each.key === gpuKey || (each.gpuKey === key && each.key !== key));
}

/** Warnings; throws where it is not allowed. One that has ended keeps nobody from what is shared. */
function judgeLease(
  device: LeasedDevice,
  lease: Lease,
  mode: NamedAsking["mode"],
  policy: LeasePolicy,
): readonly string[] {
  if (mode === "exclusive") throw refuse(device, lease, "it is to be had by nobody else");
  if (lease.mode === "shared" || lease.state === "DRAINING" || policy === "allow") return [];
  if (policy === "deny") throw refuse(device, lease, "the policy is to deny that");
  if (lease.mode === "exclusive" && policy === "") throw refuse(device, lease, "that one is exclusive");
  return [`GPU ${device.name} is somebody's: ${describeLease(lease)}`];
}

function refuse({ name }: LeasedDevice, lease: Lease, why: string): BerthError {
  const end =
    lease.state === "DRAINING"
      ? "or ask the driver whether it is idle again: berth lease gc"
      : `or end that lease: berth lease release ${lease.id.slice(0, 8)} (whoever has taken it starts a container with berth run -g WISH,lease=ID)`;
  return new BerthError({
    code: "BERTH-A013",
    message: `Cannot give GPU ${name}: ${describeLease(lease)}, and ${why}`,
    remedy: `wish for any, name another one, ${end}`,
  });
}

function warnOfMarks(database: Database, { key, gpuKey, name }: LeasedDevice): readonly string[] {
  const marks = readMarks(database).filter((mark) => mark.key === key || mark.key === gpuKey);
  return marks.map(({ state, reason }) => `GPU ${name} is ${state}${reason === "" ? "" : `: ${reason}`}`);
}
