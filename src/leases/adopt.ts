import type { Database } from "bun:sqlite";
import { BerthError } from "../base/index.ts";
import { formatWish, parseWish } from "../request/index.ts";
import type { Asking, Taken } from "./asking.ts";
import { addEvent } from "./event-rows.ts";
import { describeAsker } from "./grant-lease.ts";
import { isOfContainer } from "./is-of-container.ts";
import type { Lease, LeasedDevice } from "./lease.ts";
import { isBelow, lifeOf } from "./owner.ts";
import type { Look } from "./reap.ts";
import { readLeases, setLeaseContainer, setLeaseOwner, setLeaseState } from "./rows.ts";

/**
 * Gives the lease that a wish names, and that was taken for it beforehand, to who asks now. Undefined: it names none, or that one is gone, another container's, or of another wish. Throws
 * BERTH-A012 where a stranger uses one of its devices by now.
 */
export function adopt(database: Database, asking: Asking, look: Look): Pick<Taken, "lease" | "warnings"> | undefined {
  const lease = readLeases(database).find((each) => each.id === asking.wish.lease);
  if (lease === undefined || !isAdoptable(lease, asking, look)) return undefined;
  const warnings = lookAgain(lease, asking, look);
  const { owner, container, isBound } = asking;
  const state = isBound === true ? ("BOUND" as const) : ("RESERVED" as const);
  setLeaseOwner(database, lease, owner);
  if (container !== undefined) setLeaseContainer(database, lease, container);
  setLeaseState(database, lease, state, look.uptime);
  const device = lease.devices.map(({ key }) => key).join(",");
  addEvent(database, { at: look.now, kind: "adopted", lease: lease.id, device, text: describeAsker(asking) });
  const adopted = { ...lease, owner, container: container ?? lease.container, state, since: look.uptime };
  return { lease: adopted, warnings };
}

/** One whose container runs, or is being made by another process, is that container's: a second one of the same id is not going to be. */
function isAdoptable(lease: Lease, { wish, container, owner }: Asking, { here }: Look): boolean {
  if (lease.state !== "RESERVED" || lease.mode === "shared") return false;
  if (lease.container !== undefined) {
    const isOthers = container === undefined || !isOfContainer(lease, container);
    if (isOthers || (lease.owner.pid !== owner.pid && lifeOf(lease.owner, here) === "alive")) return false;
  }
  return formatWish({ ...wish, lease: undefined }) === formatWish(parseWish(lease.wish));
}

/** Between the choice and the start nobody has looked. What the lease's own process and those below it do there is their business. */
function lookAgain(lease: Lease, { owner, policy = "" }: Asking, { usage, here }: Look): readonly string[] {
  const isOwn = (pid: number): boolean => isBelow(pid, owner.pid, here) || isBelow(pid, lease.owner.pid, here);
  const seen = lease.devices.flatMap((device) => {
    const use = usage.get(device.key);
    const last = use?.kind === "known" ? use.samples.at(-1) : undefined;
    const strangers = last?.processes.filter((pid) => !isOwn(pid)) ?? [];
    return strangers.length === 0 ? [] : [{ device, strangers }];
  });
  const [first] = seen;
  if (first === undefined || policy === "allow") return [];
  if (policy !== "warn") throw taken(first.device, first.strangers, lease);
  return seen.map(({ device, strangers }) => describeStranger(device, strangers));
}

function describeStranger({ name }: LeasedDevice, strangers: readonly number[]): string {
  return `GPU ${name} is used by process ${strangers.join(", ")}, which came between choice and start`;
}

function taken(device: LeasedDevice, strangers: readonly number[], { id }: Lease): BerthError {
  return new BerthError({
    code: "BERTH-A012",
    message: `Cannot start with lease ${id.slice(0, 8)}: ${describeStranger(device, strangers)}`,
    remedy: `see whose it is: ps -fp ${strangers.join(",")}; or wish anew, without lease=`,
  });
}
