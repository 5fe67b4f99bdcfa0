import { tryJson } from "../base/index.ts";
import type { Nvlinks } from "./nvlinks.ts";
import type { Sample } from "./usage.ts";

/** How each device was at one moment. */
export interface Sighting {
  /** Milliseconds since the boot. */
  readonly uptime: number;
  /** By the key of the device; one of which nothing was known is not there. */
  readonly devices: ReadonlyMap<string, DeviceSample>;
}

export interface DeviceSample {
  readonly memoryBytes: number | undefined;
  readonly sample: Sample;
}

/** What is kept of looks at the GPUs in one boot. */
export interface Kept {
  /** The oldest first. */
  readonly sightings: readonly Sighting[];
  /** The last that each GPU said. */
  readonly nvlinks: Nvlinks;
}

const NOTHING_KEPT: Kept = { sightings: [], nvlinks: new Map() };

export function formatKept({ sightings, nvlinks }: Kept, boot: string): string {
  const moments = sightings.map(({ uptime, devices }) => ({ uptime, devices: Object.fromEntries(devices) }));
  const links = [...nvlinks].map(([bus, remotes]) => [bus, remotes.map((remote) => remote ?? null)] as const);
  return JSON.stringify({ boot, sightings: moments, nvlinks: Object.fromEntries(links) });
}

/** Nothing of another boot, and nothing that is half there. */
export function parseKept(text: string, boot: string): Kept {
  const value = tryJson(text);
  if (!isRecord(value) || value["boot"] !== boot) return NOTHING_KEPT;
  const sightings = Array.isArray(value["sightings"]) ? value["sightings"].flatMap(toSighting) : [];
  const nvlinks = isRecord(value["nvlinks"]) ? Object.entries(value["nvlinks"]).flatMap(toLinks) : [];
  return { sightings: sightings.toSorted((a, b) => a.uptime - b.uptime), nvlinks: new Map(nvlinks) };
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toLinks([bus, remotes]: readonly [string, unknown]): readonly (readonly [
  string,
  readonly (string | undefined)[],
])[] {
  if (!Array.isArray(remotes)) return [];
  return [[bus, remotes.map((remote) => (typeof remote === "string" ? remote : undefined))]];
}

function toSighting(value: unknown): readonly Sighting[] {
  if (!isRecord(value) || !isRecord(value["devices"]) || typeof value["uptime"] !== "number") return [];
  const devices = Object.entries(value["devices"]).flatMap(([key, each]) => {
    const sample = toDeviceSample(each);
    return sample === undefined ? [] : [[key, sample] as const];
  });
  return [{ uptime: value["uptime"], devices: new Map(devices) }];
}

function toDeviceSample(value: unknown): DeviceSample | undefined {
  if (!isRecord(value) || !isRecord(value["sample"])) return undefined;
  const { processes, usedBytes, utilisation } = value["sample"];
  if (!Array.isArray(processes) || !processes.every((pid) => typeof pid === "number")) return undefined;
  if (typeof usedBytes !== "number") return undefined;
  const memoryBytes = numberOr(value["memoryBytes"]);
  return { memoryBytes, sample: { processes, usedBytes, utilisation: numberOr(utilisation) } };
}

function numberOr(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
