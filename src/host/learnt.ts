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

/** What was learnt of the GPU at a PCI address; nothing when it was of another card than the one that is there now. */
export function learntGpu(learnt: Learnt, bus: string, uuidNow: string | undefined): LearntGpu | undefined {
  const gpu = learnt.gpus.get(bus);
  return uuidNow === undefined || gpu?.uuid === uuidNow ? gpu : undefined;
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
