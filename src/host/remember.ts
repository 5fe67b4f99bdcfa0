import { mkdirSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { errnoCode, replaceFile } from "../base/index.ts";
import { readBootId } from "../linux/index.ts";
import type { NvmlGpu, NvmlInventory, NvmlMigDevice } from "../nvml/index.ts";
import { brandOfNumber } from "./brands.ts";
import { parseGpuUuid } from "./gpu-names.ts";
import type { Gpu, Host } from "./host.ts";
import { formatLearnt, learntStore, readLearnt, readStore } from "./learnt-file.ts";
import {
  learntGpu,
  parseMigUuid,
  type Learnt,
  type LearntCuda,
  type LearntGpu,
  type LearntMigDevice,
} from "./learnt.ts";
import { isLayout } from "./mig.ts";

/** What is known now, and whether the next start will know it, too. */
export interface Remembered {
  readonly learnt: Learnt;
  /** False where this user may not write the store. */
  readonly isKept: boolean;
}

/**
 * Adds to what was learnt of a host what its files say now and, if it was asked, the driver. Not for the start path: it
 * writes. Throws errno errors other than those of a user who may not write there.
 */
export function rememberFacts(host: Host, inventory?: NvmlInventory): Remembered {
  const before = readLearnt(host.root);
  const learnt = addFacts(before, host, inventory);
  const text = formatLearnt(learnt);
  if (text === formatLearnt(before)) return { learnt, isKept: true };
  return { learnt, isKept: writeStore(host.root, text) };
}

/** The facts of GPUs that are gone stay: a card may come back. */
function addFacts(before: Learnt, host: Host, inventory: NvmlInventory | undefined): Learnt {
  const gpus = new Map(before.gpus);
  for (const gpu of host.gpus) {
    const told = inventory?.gpus.find(({ bus }) => bus === gpu.bus);
    const uuid = parseGpuUuid(told?.uuid ?? "") ?? gpu.uuid;
    if (uuid === undefined) continue;
    const { bus, model } = gpu;
    const known = { ...(learntGpu(before, { bus, uuid, model }) ?? blank(uuid)), model };
    gpus.set(gpu.bus, told === undefined ? known : addTold(known, gpu, told));
  }
  return { cuda: cudaTold(host, inventory) ?? before.cuda, gpus };
}

/** A library of another version than the kernel module's speaks of another driver. */
function cudaTold(host: Host, inventory: NvmlInventory | undefined): LearntCuda | undefined {
  const { driverVersion: driver, cudaVersion: version } = inventory ?? {};
  if (driver === undefined || version === undefined || driver !== host.driver?.version) return undefined;
  return { driver, version };
}

function blank(uuid: string): LearntGpu {
  return { uuid, model: undefined, boot: undefined, computeCapability: undefined, brand: undefined, migDevices: [] };
}

function addTold(known: LearntGpu, gpu: Gpu, told: NvmlGpu): LearntGpu {
  // Devices that are not those of the driver's files were made or removed meanwhile: their numbers may be old.
  const isCurrent = isLayout(told.migDevices, gpu.migDevices);
  return {
    ...known,
    boot: readBootId(),
    computeCapability: told.computeCapability ?? known.computeCapability,
    brand: brandTold(told.brand) ?? known.brand,
    migDevices: isCurrent ? told.migDevices.map(toLearntMigDevice) : [],
  };
}

/** A number that is newer than the table says nothing; 0 is the driver's own "unknown". */
function brandTold(number: number | undefined): string | undefined {
  const brand = number === undefined ? "unknown" : brandOfNumber(number);
  return brand === "unknown" && number !== 0 ? undefined : brand;
}

function toLearntMigDevice({ gpuInstance, computeInstance, index, uuid, name }: NvmlMigDevice): LearntMigDevice {
  const profile = / MIG ([0-9a-z.+-]+)$/.exec(name ?? "")?.[1];
  return { gpuInstance, computeInstance, index, uuid: parseMigUuid(uuid ?? ""), profile };
}

/** Whether it could be written as this user. */
function writeStore(root: string, text: string): boolean {
  const path = learntStore(root);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    // replaceFile keeps the mode and owner of the old file, and these are what is wrong with it.
    if (readStore(root).kind === "doubtful") unlinkSync(path);
    replaceFile(path, text);
    return true;
  } catch (error) {
    if (["EACCES", "EPERM", "EROFS"].includes(errnoCode(error) ?? "")) return false;
    throw error;
  }
}
