import { CudaError } from "./cuda-error.ts";
import type { Driver } from "./driver.ts";
import type { ProbedGpu } from "./probe.ts";

const NAME_BYTES = 256;
const UUID_BYTES = 16;
/** What is written into each GPU's memory and read back. */
const TRIAL_BYTES = 64 * 1024;

/** A GPU as CUDA handles it. */
export interface Device extends ProbedGpu {
  readonly handle: number;
}

/** A device with a context that is held. */
export interface Context {
  readonly device: Device;
  readonly handle: bigint;
  /** Of the device itself, which programs share; else one of its own. */
  readonly isPrimary: boolean;
}

/** "12.8" of 1000 × major + 10 × minor; undefined: the library does not say it. */
export function readCudaVersion(driver: Driver): string | undefined {
  const version = new Int32Array(1);
  const [number = 0] = driver.ask("version", version) ? version : [];
  return number === 0 ? undefined : `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}

/** All devices that CUDA counts. Throws CudaError. */
export function listDevices(driver: Driver): readonly Device[] {
  const count = new Int32Array(1);
  if (!driver.ask("count", count)) throw new CudaError("it has no function cuDeviceGetCount");
  return Array.from({ length: count[0] ?? 0 }, (_, index) => {
    const handle = new Int32Array(1);
    // Without the function the numbers are the handles, as they always were.
    const device = driver.ask("device", handle, index) ? (handle[0] ?? index) : index;
    const name = readName(driver, device);
    return { index, handle: device, name, uuid: readUuid(driver, device, name) };
  });
}

function readName(driver: Driver, device: number): string | undefined {
  const bytes = new Uint8Array(NAME_BYTES);
  if (!driver.ask("name", bytes, bytes.length, device)) return undefined;
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}

function readUuid(driver: Driver, device: number, name: string | undefined): string | undefined {
  const bytes = new Uint8Array(UUID_BYTES);
  if (!driver.ask("uuid", bytes, device)) return undefined;
  const hex = Buffer.from(bytes).toString("hex");
  const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(hex)?.slice(1) ?? [];
  return [name?.includes(" MIG ") === true ? "MIG" : "GPU", ...parts].join("-");
}

/** A context on a device; undefined: the library has no function for it. Throws CudaError. */
export function openContext(driver: Driver, device: Device): Context | undefined {
  const place = new BigUint64Array(1);
  const isPrimary = driver.ask("retainContext", place, device.handle);
  if (!isPrimary && !driver.ask("makeContext", place, 0, device.handle)) return undefined;
  return { device, handle: place[0] ?? 0n, isPrimary };
}

/** Gives a context back, or lets go of the one that all of a process share. Throws CudaError. */
export function closeContext(driver: Driver, { device, handle, isPrimary }: Context): void {
  if (isPrimary) driver.ask("releaseContext", device.handle);
  else driver.ask("endContext", handle);
}

/**
 * Writes into memory of the device and reads it back. False: the library lacks a function for it. Throws CudaError,
 * also when other bytes come back.
 */
export function tryMemory(driver: Driver, { device, handle }: Context): boolean {
  if (!(["useContext", "allocate", "toDevice", "fromDevice"] as const).every(driver.has)) return false;
  driver.ask("useContext", handle);
  const place = new BigUint64Array(1);
  driver.ask("allocate", place, BigInt(TRIAL_BYTES));
  const [address = 0n] = place;
  const sent = Uint8Array.from({ length: TRIAL_BYTES }, (_, at) => (at * 31 + device.index + 1) & 0xff);
  const back = new Uint8Array(TRIAL_BYTES);
  driver.ask("toDevice", address, sent, BigInt(TRIAL_BYTES));
  driver.ask("fromDevice", back, address, BigInt(TRIAL_BYTES));
  driver.ask("free", address);
  if (Buffer.compare(sent, back) !== 0) throw new CudaError("other bytes came back than were written");
  return true;
}
