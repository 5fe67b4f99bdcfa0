import { readGpuStates } from "../host/index.ts";
import { readBootId, uptimeMs } from "../linux/index.ts";
import type { GpuState } from "../nvml/index.ts";
import { instancesIn, type Device } from "./device.ts";
import { lookNow, type LeaseSite } from "./lease-site.ts";
import { nvlinksOf } from "./nvlinks.ts";
import { NO_READINGS, type Readings } from "./readings.ts";
import type { Look } from "./reap.ts";
import { firstOf, keepLook, readKept } from "./samples-file.ts";
import type { DeviceSample } from "./samples-format.ts";
import { hasLeaseStore } from "./store-path.ts";
import type { Usage } from "./usage.ts";

/** A GPU rests between two steps of a training job, but hardly for so long. */
const PAUSE_MS = 1000;

/**
 * How each device is used: asked twice, but where somebody has looked up to half a minute before, once. `isAsked` false: nothing is known of any, but what others have learnt of links.
 */
export async function readUsage(site: LeaseSite, executable: string, isAsked: boolean): Promise<Readings> {
  const kept = readKept(site.folder, readBootId());
  if (!isAsked || site.pool.devices.length === 0) return { ...NO_READINGS, nvlinks: kept.nvlinks };
  const before = firstOf(kept, uptimeMs());
  const first = await readGpuStates(site.host, executable);
  // Whoever has no answer at all gets none a second later.
  const isOnce = before !== undefined || first.every(({ sick }) => sick !== undefined);
  if (!isOnce) {
    keepStates(site, first);
    await Bun.sleep(PAUSE_MS);
  }
  const looks = isOnce ? [first] : [first, await readGpuStates(site.host, executable)];
  keepStates(site, looks.at(-1) ?? []);
  const nvlinks = new Map([...kept.nvlinks, ...looks.flatMap((states) => [...nvlinksOf(states)])]);
  const usage = site.pool.devices.map((device) => {
    return [device.key, usageOf(device, looks, before?.devices.get(device.key))] as const;
  });
  return { usage: new Map(usage), nvlinks };
}

export interface LookOptions {
  /** The driver is not asked: GPUs without a lease count as idle. */
  readonly isUnchecked: boolean;
  /** This program. */
  readonly executable: string;
}

/** What there is to be seen at this moment, the use of GPUs with it. */
export async function lookAtGpus(site: LeaseSite, { executable, isUnchecked }: LookOptions): Promise<Look> {
  const readings = await readUsage(site, executable, !isUnchecked);
  return lookNow(readings, isUnchecked);
}

/** Keeps what the GPUs said just now, so that whoever asks for one in the next half minute need not look twice. For monitors, too; only where there is a store. */
export function keepStates({ pool, folder }: LeaseSite, states: readonly GpuState[]): void {
  if (!hasLeaseStore(folder)) return;
  const devices = pool.devices.flatMap((device) => {
    const part = partOf(device, states);
    return typeof part === "string" ? [] : [[device.key, part] as const];
  });
  keepLook(folder, readBootId(), { uptime: uptimeMs(), devices: new Map(devices) }, nvlinksOf(states));
}

/** Of all samples together, `first` before them: one that lacks something makes the whole unknown. */
function usageOf(device: Device, looks: readonly (readonly GpuState[])[], first?: DeviceSample): Usage {
  const parts = looks.map((states) => partOf(device, states));
  const unknown = parts.find((part) => typeof part === "string");
  if (unknown !== undefined) return { kind: "unknown", why: unknown };
  const known = [...(first === undefined ? [] : [first]), ...parts.filter((part) => typeof part !== "string")];
  return { kind: "known", memoryBytes: known.at(-1)?.memoryBytes, samples: known.map(({ sample }) => sample) };
}

/** What one GPU says of itself or of one of its MIG devices; a text: why it says nothing. */
function partOf({ key, gpuKey }: Device, states: readonly GpuState[]): DeviceSample | string {
  const state = states.find(({ target }) => target === gpuKey);
  if (state === undefined) return "the driver was not asked";
  if (state.sick !== undefined) return state.sick;
  const { facts, faults } = state;
  const instances = instancesIn({ key, gpuKey });
  const isPart = instances !== undefined;
  const mig = facts.migDevices?.find(
    (each) => each.gpuInstance === instances?.gpuInstance && each.computeInstance === instances.computeInstance,
  );
  const { memoryUsedBytes, memoryTotalBytes } = isPart ? (mig ?? {}) : facts;
  if (facts.processes === undefined || memoryUsedBytes === undefined) return faults[0] ?? "the driver does not say it";
  const own = facts.processes.filter(
    (each) => !isPart || each.gpuInstance === undefined || each.gpuInstance === instances.gpuInstance,
  );
  const utilisation = isPart ? undefined : facts.gpuPercent;
  return {
    memoryBytes: memoryTotalBytes,
    sample: { processes: own.map(({ pid }) => pid), usedBytes: memoryUsedBytes, utilisation },
  };
}
