import { BerthError } from "../base/index.ts";
import { spellOut, type Edits } from "../edits/index.ts";
import { decide, listDevices, type FoundDevice, type Grant, type Policy } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { readPlainRequest, type Request } from "../request/index.ts";
import type { CdiOptions, NameStrategy } from "./cdi-options.ts";

/** One device of a CDI file before it is written down. */
export interface NamedDevice {
  readonly names: readonly string[];
  readonly edits: Edits;
  readonly grant: Grant;
}

export interface FoundDevices {
  readonly devices: readonly NamedDevice[];
  /** Why a device is not among them, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * The GPUs and MIG devices that a file is to name, decided and spelt out one by one. Of "all" what cannot be given is left out with a warning. Throws the refusal
 * of a device that was asked for by its id, and that of the first one where none is left.
 */
export function findDevices(host: Host, policy: Policy, { ids, strategies }: CdiOptions): FoundDevices {
  const warnings: string[] = [];
  let refusal: BerthError | undefined;
  const expanded = ids.flatMap((id) => (id === "all" ? everyId(host, warnings) : [{ id, isOfAll: false }]));
  const devices = expanded.flatMap(({ id, isOfAll }): NamedDevice[] => {
    const decision = decide(requestFor(id), host, policy);
    if (decision.kind === "granted") return [nameDevice(id, decision.grant, { host, strategies, warnings })];
    const problem = new BerthError(decision.problem);
    if (!isOfAll) throw problem;
    refusal ??= problem;
    warnings.push(`device ${id} is left out: ${problem.message}; remedy: ${problem.remedy}`);
    return [];
  });
  if (devices.length === 0) throw refusal ?? nothingFound(host, policy);
  return { devices, warnings };
}

/** What a container without a device gets of the driver. Throws the refusal. */
export function driverGrant(host: Host, policy: Policy): Grant {
  const decision = decide(requestFor("none"), host, policy);
  if (decision.kind === "granted") return decision.grant;
  throw new BerthError(decision.problem);
}

/** What a container would write that wants these devices ("0,GPU-8dc"), and everything of them or, "" being the default, some capabilities. */
export function requestFor(ids: string, capabilities = "all"): Request {
  return readPlainRequest([`NVIDIA_VISIBLE_DEVICES=${ids}`, `NVIDIA_DRIVER_CAPABILITIES=${capabilities}`]);
}

interface Id {
  readonly id: string;
  readonly isOfAll: boolean;
}

/** A WSL or Tegra GPU is one thing, by the number 0. */
function everyId(host: Host, warnings: string[]): readonly Id[] {
  if (host.unit !== undefined) return [{ id: "0", isOfAll: true }];
  return listDevices(host).flatMap((found) => {
    const id = idOf(found);
    if (id !== undefined) return [{ id, isOfAll: true }];
    const place = `${found.gpu.index}, GPU instance ${found.mig?.gpuInstance}, compute instance ${found.mig?.computeInstance}`;
    warnings.push(`the MIG device of GPU ${place} is left out: its UUID and number are not known; remedy: berth host`);
    return [];
  });
}

function idOf({ gpu, mig }: FoundDevice): string | undefined {
  if (mig === undefined) return String(gpu.index);
  return mig.uuid ?? (mig.index === undefined ? undefined : `${gpu.index}:${mig.index}`);
}

function nothingFound(host: Host, policy: Policy): BerthError {
  const decision = decide(requestFor("all"), host, policy);
  if (decision.kind === "refused") return new BerthError(decision.problem);
  return new BerthError({
    code: "BERTH-R001",
    message: "Cannot make a CDI file: it would name no device",
    remedy: 'ask for a file without GPUs by name: --device-id none (or run "berth host" and try again)',
  });
}

interface Naming {
  readonly host: Host;
  readonly strategies: readonly NameStrategy[];
  readonly warnings: string[];
}

function nameDevice(id: string, grant: Grant, { host, strategies, warnings }: Naming): NamedDevice {
  const found = foundIn(grant);
  const names = strategies.flatMap((strategy) => {
    if (found === undefined) return nameOfUnit(strategy);
    const name = nameBy(strategy, found);
    if (name === undefined)
      warnings.push(`device ${id} has no name by ${strategy}: it is not known; remedy: berth host`);
    return name ?? [];
  });
  return { names, edits: spellOut(grant, host), grant };
}

function foundIn({ gpus, migDevices }: Grant): FoundDevice | undefined {
  const [gpu] = gpus;
  const [mig] = migDevices;
  if (mig !== undefined) return { gpu: mig.parent, mig: mig.device };
  return gpu === undefined ? undefined : { gpu: gpu.gpu, mig: undefined };
}

/** It has no UUID of its own. */
function nameOfUnit(strategy: NameStrategy): readonly string[] {
  if (strategy === "type-index") return ["gpu0"];
  return strategy === "index" ? ["0"] : [];
}

function nameBy(strategy: NameStrategy, { gpu, mig }: FoundDevice): string | undefined {
  if (strategy === "uuid") return mig === undefined ? gpu.uuid : mig.uuid;
  const prefix = strategy === "type-index" ? (mig === undefined ? "gpu" : "mig") : "";
  if (mig === undefined) return `${prefix}${gpu.index}`;
  return mig.index === undefined ? undefined : `${prefix}${gpu.index}:${mig.index}`;
}
