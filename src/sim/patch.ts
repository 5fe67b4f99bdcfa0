import { capabilityMinors, instanceSlices } from "./mig.ts";
import type { SimBrand, SimGpu, SimMigDevice, SimProfile } from "./profile.ts";
import { UNIT_NODES } from "./unit-nodes.ts";

/** The layout of `struct table` in programs/table.h, in bytes. */
const TABLE_MARKER = "berth simulated driver table 3";
const GPUS = { offset: 128, size: 184, most: 32 };
const MIGS = { offset: GPUS.offset + GPUS.size * GPUS.most, size: 136, most: 128 };
const TEXT_BYTES = 64;

/** NVML's `nvmlBrandType_t`. */
const BRAND_NUMBERS: Readonly<Record<SimBrand, number>> = { tesla: 2, geforce: 5, nvidia: 14 };
/** Of one slice of an A100, the only GPU that is cut here. */
const SLICE_MULTIPROCESSORS = 14;

const SONAME_PLACEHOLDER =
  "berth-simulated-soname-placeholder-which-is-patched-to-the-name-of-one-driver-library-0123456789";

/**
 * A copy of the simulated libnvidia-ml or libcuda that knows the machine of a profile.
 * Throws a RangeError when the profile has no driver or more devices than the table holds.
 */
export function patchDriverTable(library: Uint8Array, profile: SimProfile): Uint8Array {
  const { driver, gpus } = profile;
  if (driver === undefined) throw new RangeError(`The profile "${profile.name}" has no driver`);
  const migs = gpus.flatMap((gpu, row) => (gpu.mig ?? []).map((device) => ({ row, gpu, device })));
  if (gpus.length > GPUS.most || migs.length > MIGS.most)
    throw new RangeError(`"${profile.name}" has too many devices`);
  const bytes = Buffer.from(library);
  const table = bytes.subarray(findOnce(bytes, TABLE_MARKER));
  const [major = 0, minor = 0] = driver.cuda.split(".").map(Number);
  writeText(table, 32, driver.version);
  writeNumbers(table, 64, [major * 1000 + minor * 10, driver.module?.capsMajor ?? 0, gpus.length, migs.length]);
  if (profile.platform !== "pci") {
    const node = UNIT_NODES[profile.platform];
    writeText(table, 80, node.path);
    writeNumbers(table, 112, [node.major, node.minor]);
  }
  writeNumbers(table, 120, [driver.module?.uvmMajor ?? 0]);
  gpus.forEach((gpu, row) => writeGpu(table.subarray(GPUS.offset + row * GPUS.size), gpu));
  migs.forEach((mig, row) => writeMig(table.subarray(MIGS.offset + row * MIGS.size), mig));
  return bytes;
}

/** A copy of the simulated library of one soname; at most 96 bytes of ASCII. */
export function patchSoname(library: Uint8Array, soname: string): Uint8Array {
  if (soname.length > SONAME_PLACEHOLDER.length) throw new RangeError(`The soname "${soname}" is too long`);
  const bytes = Buffer.from(library);
  bytes.write(soname.padEnd(SONAME_PLACEHOLDER.length, "\0"), findOnce(bytes, SONAME_PLACEHOLDER), "latin1");
  return bytes;
}

function findOnce(bytes: Buffer, marker: string): number {
  const at = bytes.indexOf(marker, 0, "latin1");
  if (at < 0 || bytes.includes(marker, at + 1, "latin1")) throw new TypeError(`"${marker}" is not there exactly once`);
  return at;
}

function writeGpu(row: Buffer, gpu: SimGpu): void {
  const [domain = 0, bus = 0, device = 0] = gpu.bus.split(/[:.]/).map((part) => Number.parseInt(part, 16));
  // NVML gives the device number in the upper half and NVIDIA's vendor number in the lower.
  const pciId = Number(gpu.pciDevice) * 0x10000 + 0x10de;
  const capability = Number(gpu.computeCapability.replace(".", ""));
  writeNumbers(row, 0, [gpu.minor, domain, bus, device, pciId, Number(gpu.pciSubsystem), migMode(gpu), capability]);
  writeNumbers(row, 32, [BRAND_NUMBERS[gpu.brand]]);
  writeMemory(row, 40, gpu.memoryMiB);
  writeText(row, 56, gpu.uuid);
  writeText(row, 56 + TEXT_BYTES, gpu.model);
}

function migMode(gpu: SimGpu): number {
  if (!gpu.isMigCapable) return 2;
  return gpu.mig === undefined ? 0 : 1;
}

function writeMig(row: Buffer, mig: { row: number; gpu: SimGpu; device: SimMigDevice }): void {
  const { gpuInstance, computeInstance } = mig.device;
  const minors = capabilityMinors(mig.gpu, mig.device);
  const slices = instanceSlices(mig.device.profile);
  writeNumbers(row, 0, [mig.row, gpuInstance, computeInstance, minors.gpuInstance, minors.computeInstance]);
  writeNumbers(row, 20, [slices.gpu, slices.compute, slices.compute * SLICE_MULTIPROCESSORS]);
  writeMemory(row, 32, mig.device.memoryMiB);
  writeText(row, 40, mig.device.uuid);
  writeText(row, 40 + TEXT_BYTES, mig.device.profile);
}

function writeNumbers(to: Buffer, offset: number, values: readonly number[]): void {
  values.forEach((value, index) => to.writeUInt32LE(value, offset + index * 4));
}

function writeMemory(to: Buffer, offset: number, mebibytes: number): void {
  to.writeBigUInt64LE(BigInt(mebibytes) * 1048576n, offset);
}

// Shorter than its room, so that what follows is a NUL.
function writeText(to: Buffer, offset: number, text: string): void {
  to.write(text, offset, TEXT_BYTES - 1, "latin1");
}
