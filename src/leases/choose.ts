import { bestSet } from "./best-set.ts";
import type { Device, Pool } from "./device.ts";
import { areJoined, isJoined, largestIsland } from "./nvlinks.ts";
import { misfitOf } from "./fit.ts";
import { describeUse, judgeUse, NOT_ASKED, type Usage } from "./usage.ts";
import type { Wish } from "../request/index.ts";

/** What the store says of one device that somebody has, or nobody may have. */
export interface Claim {
  /** By the key of the device; that of a GPU counts for its MIG devices, and the other way round. */
  readonly key: string;
  /** "lease 3fa2… of process 12" */
  readonly why: string;
}

/** What is known of a machine when somebody wishes. */
export interface Market {
  readonly pool: Pool;
  readonly claims: readonly Claim[];
  /** By the key of the device; one that is not there is unknown. */
  readonly usage: ReadonlyMap<string, Usage>;
  /** GPUs of whose use nothing is known count as idle. */
  readonly isUnchecked: boolean;
}

/**
 * Of one device: `misfit` is not what is wished for, `taken` somebody's, `unknown` not known to be idle, `free` to be had.
 */
export interface Verdict {
  readonly device: Device;
  readonly kind: "misfit" | "taken" | "unknown" | "free";
  /** In words; "" for one that is free. */
  readonly why: string;
}

/** `devices` is undefined where there are not enough. */
export interface Choice {
  readonly verdicts: readonly Verdict[];
  /** How many would do together if nobody had any: with fewer than the wish's there is nothing to wait for. */
  readonly fitting: number;
  readonly devices: readonly Device[] | undefined;
}

/** Of nothing. */
export const NO_CHOICE: Choice = { verdicts: [], fitting: 0, devices: undefined };

/** Judges every device of the machine by a wish, and takes the best set of those that are free; those of `preferred` (keys) where they will do, joined well or not. */
export function choose(wish: Wish, market: Market, preferred: readonly string[] = []): Choice {
  const verdicts = market.pool.devices.map((device) => judge(device, wish, market));
  const free = verdicts.flatMap(({ kind, device }) => (kind === "free" ? [device] : []));
  const former = free.filter(({ key }) => preferred.includes(key));
  const fitting = countFitting(verdicts, wish, market.pool);
  return { verdicts, fitting, devices: pickDevices(former, wish, market.pool) ?? pickDevices(free, wish, market.pool) };
}

function countFitting(verdicts: readonly Verdict[], { count, link }: Wish, { links }: Pool): number {
  const devices = verdicts.filter(({ kind }) => kind !== "misfit").map(({ device }) => device);
  if (count === 1) return devices.length;
  const places = onePerGpu(devices).map(({ place }) => place);
  return link === undefined ? places.length : largestIsland(links, places);
}

function judge(device: Device, wish: Wish, { claims, usage, isUnchecked, pool }: Market): Verdict {
  const known: Usage = usage.get(device.key) ?? NOT_ASKED;
  const misfit = device.obstacle ?? misfitOf(device, wish, known) ?? misfitOfLink(device, wish, pool);
  if (misfit !== undefined) return { device, kind: "misfit", why: misfit };
  const claim = claims.find(
    ({ key }) => key === device.key || key === device.gpuKey || key.startsWith(`${device.key}/`),
  );
  if (claim !== undefined) return { device, kind: "taken", why: claim.why };
  return judgeIdle(device, known, isUnchecked);
}

function judgeIdle(device: Device, usage: Usage, isUnchecked: boolean): Verdict {
  const use = judgeUse(usage);
  if (use === "idle" || (use === "unknown" && isUnchecked)) return { device, kind: "free", why: "" };
  if (use === "unknown") return { device, kind: "unknown", why: `its use is not known: ${describeUse(usage)}` };
  const what = use === "busy" ? "in use without a lease" : "in use by nobody that can be seen";
  return { device, kind: "taken", why: `${what}: ${describeUse(usage)}` };
}

function misfitOfLink(device: Device, { link, count }: Wish, { areNvlinksKnown, links }: Pool): string | undefined {
  if (link === undefined || count === 1) return undefined;
  if (!areNvlinksKnown) return "its NVLinks are not known";
  if (device.migProfile !== undefined) return "MIG devices are not joined by NVLink";
  const isAlone = !links.some((_, place) => place !== device.place && isJoined(links, device.place, place));
  return isAlone ? "it has no NVLink to another GPU" : undefined;
}

/** Several devices come from several GPUs: MIG devices of one GPU cannot be used together by one process of CUDA. */
function pickDevices(free: readonly Device[], wish: Wish, { links }: Pool): readonly Device[] | undefined {
  if (wish.count === 1) return pickOne(free, links);
  const devices = onePerGpu(free);
  const places = bestSet(
    links,
    devices.map(({ place }) => place),
    wish.count,
  );
  if (places === undefined || (wish.link === "nvlink" && !areJoined(links, places))) return undefined;
  return devices.filter(({ place }) => places.includes(place));
}

/** Of MIG devices the one whose GPU has the fewest left, so that whole GPUs stay empty. */
function pickOne(free: readonly Device[], links: Pool["links"]): readonly Device[] | undefined {
  const parts = free.filter(({ migProfile }) => migProfile !== undefined);
  const rest = (device: Device): number => parts.filter(({ place }) => place === device.place).length;
  const [part] = parts.toSorted((a, b) => rest(a) - rest(b));
  if (part !== undefined) return [part];
  const [place] =
    bestSet(
      links,
      free.map((device) => device.place),
      1,
    ) ?? [];
  const device = free.find((each) => each.place === place);
  return device === undefined ? undefined : [device];
}

function onePerGpu(devices: readonly Device[]): readonly Device[] {
  return devices.filter(({ place }, index) => devices.findIndex((other) => other.place === place) === index);
}
