import { bestSet } from "./best-set.ts";
import type { Device, Pool } from "./device.ts";
import { misfitOf } from "./fit.ts";
import { describeUse, judgeUse, type Usage } from "./usage.ts";
import type { Wish } from "./wish.ts";

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
  readonly devices: readonly Device[] | undefined;
}

/** Judges every device of the machine by a wish, and takes the best set of those that are free. */
export function choose(wish: Wish, market: Market): Choice {
  const verdicts = market.pool.devices.map((device) => judge(device, wish, market));
  const free = verdicts.flatMap(({ kind, device }) => (kind === "free" ? [device] : []));
  return { verdicts, devices: pickDevices(free, wish, market.pool) };
}

/** How many of the machine would do if nobody had any: with fewer than the wish's there is nothing to wait for. */
export function countFitting(verdicts: readonly Verdict[], wish: Wish): number {
  const fitting = verdicts.filter(({ kind }) => kind !== "misfit").map(({ device }) => device);
  return wish.count === 1 ? fitting.length : onePerGpu(fitting).length;
}

function judge(device: Device, wish: Wish, { claims, usage, isUnchecked, pool }: Market): Verdict {
  const known: Usage = usage.get(device.key) ?? { kind: "unknown", why: "the driver was not asked" };
  const misfit = device.obstacle ?? misfitOf(device, wish, known) ?? misfitOfLink(wish, pool);
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

function misfitOfLink({ link, count }: Wish, { areNvlinksKnown }: Pool): string | undefined {
  return link === undefined || count === 1 || areNvlinksKnown ? undefined : "its NVLinks are not known";
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

/** 100 and more: a link of NVLink. */
function areJoined(links: Pool["links"], places: readonly number[]): boolean {
  return places.every((a) => places.every((b) => a === b || (links[a]?.[b] ?? 0) >= 100));
}
