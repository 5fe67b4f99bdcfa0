import { BerthError, parseStrictInteger } from "../../base/index.ts";
import {
  type Asking,
  identify,
  type Lease,
  type LeaseSite,
  lookNow,
  openStore,
  type Owner,
  waitForLease,
} from "../../leases/index.ts";
import { terminalWidth } from "../../linux/index.ts";
import { formatWish, parseWish } from "../../request/index.ts";
import type { World } from "../context.ts";
import { callingUid } from "../calling-uid.ts";
import { findCaller } from "./find-caller.ts";
import { findLeaseSite, isUnchecked, userLimit } from "./lease-site.ts";
import { parseDuration } from "./parse-duration.ts";
import { readLabel } from "./read-label.ts";
import { waitingLine } from "./waiting-line.ts";

interface Flags {
  readonly gpus: string;
  readonly ownerPid?: string;
  readonly wait?: string;
  readonly label?: string;
  readonly limit?: string;
  readonly unchecked?: boolean;
  readonly json?: boolean;
}

const MAX_PID = 4_194_304;

/** `berth lease take`: idle GPUs for a process, until it ends. */
export async function takeLease(this: World, flags: Flags): Promise<void> {
  const wish = parseWish(flags.gpus);
  const waitMs = flags.wait === undefined ? 0 : parseDuration(flags.wait);
  const limit = flags.limit === undefined ? undefined : readNumber("--limit", flags.limit, 0xffff);
  const site = findLeaseSite(this);
  const asking: Asking = {
    wish,
    owner: findOwner(flags.ownerPid),
    uid: callingUid(this),
    label: readLabel(flags.label),
    container: undefined,
    ticket: undefined,
    userLimit: userLimit(site, limit),
  };
  const { tell, clear } = waitingLine(wish, this.note, terminalWidth(2));
  const waiting = { waitMs, isUnchecked: isUnchecked(site, flags.unchecked), executable: this.executable, tell };
  const lease = await waitForLease(site, asking, waiting).finally(clear);
  try {
    this.print(
      flags.json === true ? `${JSON.stringify(toJson(lease), null, 2)}\n` : `${lease.id} ${visibleDevices(lease)}\n`,
    );
  } catch (error) {
    giveBack(site, lease);
    throw error;
  }
}

/** Nobody has learnt of it. */
function giveBack(site: LeaseSite, { id, generation }: Lease): void {
  using store = openStore(site);
  store.release(id, generation, lookNow());
}

/** Whoever starts this, unless that one has gone and init has taken this over. */
function findOwner(pid: string | undefined): Owner {
  const number = pid === undefined ? findCaller(process.ppid, process.env) : readNumber("--owner-pid", pid, MAX_PID);
  const owner = number <= 1 && pid === undefined ? undefined : identify(number, lookNow().here);
  if (owner !== undefined) return owner;
  const message =
    pid === undefined
      ? "Cannot take a lease: the process that started this is gone, so that there is none for the lease to live with"
      : `Cannot take a lease: there is no process ${number}`;
  throw new BerthError({
    code: "BERTH-A009",
    message,
    remedy: "name one that lives as long as the GPUs are needed: --owner-pid PID",
  });
}

function readNumber(flag: string, text: string, max: number): number {
  const number = parseStrictInteger(text, max);
  if (number !== undefined && number > 0) return number;
  const message = `Cannot read ${flag} "${text}": it is no number from 1 to ${max}`;
  throw new BerthError({ code: "BERTH-U001", message, remedy: `write a number, as in ${flag} 2` });
}

function visibleDevices({ devices }: Lease): string {
  return devices.map(({ visibleName }) => visibleName).join(",");
}

function toJson(lease: Lease) {
  const { id, generation, wish } = lease;
  const devices = lease.devices.map(({ name, key, visibleName }) => ({ name, key, visibleName }));
  return { id, generation, wish: formatWish(parseWish(wish)), visibleDevices: visibleDevices(lease), devices };
}
