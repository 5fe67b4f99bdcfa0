import { BerthError, messageOf } from "../../base/index.ts";
import { identify, isLack, lookNow, type Lease, waitForLease } from "../../leases/index.ts";
import { effectiveUid, terminalWidth } from "../../linux/index.ts";
import { formatWish, isWish, parseWish, type Wish } from "../../request/index.ts";
import type { World } from "../context.ts";
import { noteWarnings } from "../note-warnings.ts";
import { callingUid } from "../calling-uid.ts";
import { findLeaseSite, isUnchecked, userLimit } from "../lease/lease-site.ts";
import { readLabel } from "../lease/read-label.ts";
import { waitingLine } from "../lease/waiting-line.ts";
import type { RunEngine } from "./engine.ts";

export interface WantedGpus {
  /** As -g says it. */
  readonly text: string;
  /** Undefined: it is not waited. */
  readonly waitMs: number | undefined;
  readonly label: string | undefined;
  readonly unchecked: boolean | undefined;
}

/**
 * What the container's NVIDIA_VISIBLE_DEVICES is to say. For a wish a lease is taken first, of this process; whoever may not is served by the runtime, which is root. Throws BERTH-A001 to A007, A010, A011, A043, A045
 * and U001.
 */
export async function settleGpus(world: World, engine: RunEngine, wanted: WantedGpus): Promise<string> {
  if (!isWish(wanted.text)) return passOn(wanted, wanted.text, `"${wanted.text}" names the GPUs`);
  const wish = parseWish(wanted.text);
  if (wish.lease !== undefined) return passOn(wanted, formatWish(wish), "the lease that it names is there");
  const obstacle = engine.obstacle ?? (effectiveUid() === 0 ? undefined : "only root can take a lease");
  if (obstacle !== undefined && wanted.waitMs !== undefined) throw cannotWait(obstacle);
  if (obstacle !== undefined || (wish.isOptional && wanted.waitMs === undefined)) return formatWish(wish);
  const lease = await takeIfThere(world, wish, wanted);
  return formatWish({ ...wish, lease: lease?.id });
}

function passOn({ waitMs }: WantedGpus, devices: string, why: string): string {
  if (waitMs === undefined) return devices;
  throw new BerthError({
    code: "BERTH-U001",
    message: `Cannot wait for GPUs: ${why}`,
    remedy: "leave out --wait, or wish for any: -g any:2 --wait",
  });
}

function cannotWait(why: string): BerthError {
  return new BerthError({
    code: "BERTH-A045",
    message: `Cannot wait for GPUs: ${why}`,
    remedy:
      "run it as root on the machine that has the GPUs (sudo berth run …), or leave out --wait: then the runtime chooses",
  });
}

/** Undefined: it could not be had, and the container goes without. */
async function takeIfThere(world: World, wish: Wish, wanted: WantedGpus): Promise<Lease | undefined> {
  try {
    return await take(world, wish, wanted);
  } catch (error) {
    if (!wish.isOptional || !isLack(error)) throw error;
    noteWarnings(world, [`it goes without, unless some are free when it starts: ${messageOf(error)}`]);
    return undefined;
  }
}

async function take(world: World, wish: Wish, { waitMs = 0, label, unchecked }: WantedGpus): Promise<Lease> {
  const owner = identify(process.pid, lookNow().here);
  if (owner === undefined) throw new RangeError("procfs does not show this process");
  const site = findLeaseSite(world);
  const asking = {
    wish,
    owner,
    uid: callingUid(world),
    label: readLabel(label),
    container: undefined,
    ticket: undefined,
    userLimit: userLimit(site, undefined),
  };
  const { tell, clear } = waitingLine(wish, world.note, terminalWidth(2));
  const waiting = { waitMs, isUnchecked: isUnchecked(site, unchecked), executable: world.executable, tell };
  return await waitForLease(site, asking, waiting).finally(clear);
}
