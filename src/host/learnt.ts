import type { SupportedCuda } from "./host.ts";

/** What only the driver says, learnt outside the start path and kept beyond a boot. */
export interface Learnt {
  readonly cuda: LearntCuda | undefined;
  /** By PCI address. */
  readonly gpus: ReadonlyMap<string, LearntGpu>;
}

/** The newest CUDA of one driver version. */
export interface LearntCuda {
  readonly driver: string;
  readonly version: string;
}

export interface LearntGpu {
  /** Of the card that all the rest is about. */
  readonly uuid: string;
  /** By which a card that says no UUID yet is told from another one; undefined in a store of berth 0.1. */
  readonly model: string | undefined;
  /** The boot in which the MIG devices were learnt: no GPU instance outlives it. */
  readonly boot: string | undefined;
  readonly computeCapability: string | undefined;
  readonly brand: string | undefined;
  /** The whole layout that the GPU had then: another one has other numbers. Empty: nothing is known. */
  readonly migDevices: readonly LearntMigDevice[];
}

export interface LearntMigDevice {
  readonly gpuInstance: number;
  readonly computeInstance: number;
  readonly index: number;
  readonly uuid: string | undefined;
  readonly profile: string | undefined;
}

export const NOTHING_LEARNT: Learnt = { cuda: undefined, gpus: new Map() };

/** What the driver's files say of a card. */
export interface CardNow {
  readonly bus: string;
  readonly uuid: string | undefined;
  readonly model: string;
}

/** What was learnt of the GPU at a PCI address; nothing when it was of another card than the one that is there now. */
export function learntGpu({ gpus }: Learnt, { bus, uuid, model }: CardNow): LearntGpu | undefined {
  const gpu = gpus.get(bus);
  if (gpu === undefined) return undefined;
  const isSame = uuid === undefined ? gpu.model === undefined || gpu.model === model : gpu.uuid === uuid;
  return isSame ? gpu : undefined;
}

/** The CUDA version that a driver of this very version said it supports. */
export function learntCuda({ cuda }: Learnt, driver: string): SupportedCuda | undefined {
  return cuda?.driver === driver ? { version: cuda.version, isExact: true } : undefined;
}

/** A MIG device's UUID as drivers from 470 on write it, or `MIG-GPU-…/1/0` of older ones; undefined for anything else. */
export function parseMigUuid(text: string): string | undefined {
  const isOne = /^MIG-(?:GPU-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\/\d{1,3}\/\d{1,3})?$/.test(text);
  return isOne && text.startsWith("MIG-GPU-") === text.includes("/") ? text : undefined;
}
