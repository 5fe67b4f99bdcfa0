import { readBus, readMigMode, readNumber, readText, listMigHandles, type Handle, type MigHandle } from "./device.ts";
import type { GpuFacts, MigState, NvLink, Part } from "./gpu-state.ts";
import type { Nvml, Question } from "./library.ts";
import { readProcesses } from "./processes.ts";
import { readTraffic } from "./traffic.ts";
import { NvmlError } from "./return-codes.ts";

/** NVML_NVLINK_MAX_LINKS */
const MAX_NVLINKS = 18;
/** `nvmlMemory_v2_t`: a version, then total, reserved, free and used. */
const MEMORY_V2_WORDS = 5;
const MEMORY_V2_VERSION = 0x02000000 | (MEMORY_V2_WORDS * BigUint64Array.BYTES_PER_ELEMENT);

/** How each group is asked for; any question may throw NvmlError. */
export const READERS: Readonly<Record<Part, (nvml: Nvml, gpu: Handle) => GpuFacts>> = {
  identity: (nvml, gpu) => ({ uuid: readText(nvml, "uuid", gpu), name: readText(nvml, "name", gpu) }),
  memory: readMemory,
  utilisation: readUtilisation,
  temperature: (nvml, gpu) => ({
    temperatureC: readOf(nvml, "temperature", gpu, 0),
    fanPercent: readNumber(nvml, "fanSpeed", gpu),
  }),
  power: (nvml, gpu) => ({
    powerW: watts(readNumber(nvml, "powerUsage", gpu)),
    powerLimitW: watts(readNumber(nvml, "powerLimit", gpu)),
  }),
  processes: (nvml, gpu) => ({ processes: readProcesses(nvml, gpu) }),
  mode: readMode,
  ecc: readEcc,
  clocks: (nvml, gpu) => ({
    graphicsClockMhz: readOf(nvml, "clock", gpu, 0),
    smClockMhz: readOf(nvml, "clock", gpu, 1),
    memoryClockMhz: readOf(nvml, "clock", gpu, 2),
  }),
  pcie: (nvml, gpu) => ({
    pcieGeneration: readNumber(nvml, "pcieGeneration", gpu),
    pcieGenerationMax: readNumber(nvml, "pcieGenerationMax", gpu),
    pcieWidth: readNumber(nvml, "pcieWidth", gpu),
    pcieWidthMax: readNumber(nvml, "pcieWidthMax", gpu),
  }),
  nvlink: (nvml, gpu) => ({ nvlinks: readNvlinks(nvml, gpu) }),
  engines: (nvml, gpu) => ({
    encoderPercent: readUse(nvml, "encoderUse", gpu),
    decoderPercent: readUse(nvml, "decoderUse", gpu),
  }),
  traffic: readTraffic,
};

type Memory = Pick<GpuFacts, "memoryTotalBytes" | "memoryUsedBytes" | "memoryReservedBytes">;

/** In the second version reserved memory stands apart; in the first it counts as used. */
function readMemory(nvml: Nvml, of: Handle): Memory {
  const second = new BigUint64Array(MEMORY_V2_WORDS);
  second[0] = BigInt(MEMORY_V2_VERSION);
  if (answersSecond(nvml, of, second)) {
    const [, total, reserved, , used] = second;
    return { memoryTotalBytes: Number(total), memoryUsedBytes: Number(used), memoryReservedBytes: Number(reserved) };
  }
  const first = new BigUint64Array(3);
  if (!nvml.ask("memory", of, first)) return {};
  const [total, , used] = first;
  return { memoryTotalBytes: Number(total), memoryUsedBytes: Number(used) };
}

function answersSecond(nvml: Nvml, of: Handle, to: BigUint64Array): boolean {
  try {
    return nvml.ask("memoryV2", of, to);
  } catch (error) {
    // The driver knows the name and another layout.
    if (error instanceof NvmlError && error.code === "ARGUMENT_VERSION_MISMATCH") return false;
    throw error;
  }
}

/** Of the last sample window only; none under MIG. */
function readUtilisation(nvml: Nvml, gpu: Handle): GpuFacts {
  const rates = new Uint32Array(2);
  return nvml.ask("utilisation", gpu, rates) ? { gpuPercent: rates[0], memoryPercent: rates[1] } : {};
}

/** Of the video engines; the second number is the sample's length. */
function readUse(nvml: Nvml, question: "encoderUse" | "decoderUse", gpu: Handle): number | undefined {
  const [percent, microseconds] = [new Uint32Array(1), new Uint32Array(1)];
  return nvml.ask(question, gpu, percent, microseconds) ? percent[0] : undefined;
}

function readMode(nvml: Nvml, gpu: Handle): GpuFacts {
  const persistence = readNumber(nvml, "persistence", gpu);
  const isMigEnabled = readMigMode(nvml, gpu);
  return {
    isPersistent: persistence === undefined ? undefined : persistence === 1,
    isMigEnabled,
    migDevices: isMigEnabled === true ? listMigHandles(nvml, gpu).flatMap((mig) => readMig(nvml, mig)) : undefined,
  };
}

function readMig(nvml: Nvml, { index, device }: MigHandle): readonly MigState[] {
  const gpuInstance = readNumber(nvml, "gpuInstance", device);
  const computeInstance = readNumber(nvml, "computeInstance", device);
  if (gpuInstance === undefined || computeInstance === undefined) return [];
  const { memoryTotalBytes, memoryUsedBytes } = readMemory(nvml, device);
  // "NVIDIA A100-SXM4-80GB MIG 1g.10gb"
  const profile = / MIG (\S+)$/.exec(readText(nvml, "name", device) ?? "")?.[1];
  const uuid = readText(nvml, "uuid", device);
  return [{ gpuInstance, computeInstance, index, profile, uuid, memoryTotalBytes, memoryUsedBytes }];
}

function readEcc(nvml: Nvml, gpu: Handle): GpuFacts {
  const [current, pending] = [new Uint32Array(1), new Uint32Array(1)];
  const isEccEnabled = nvml.ask("eccMode", gpu, current, pending) ? current[0] === 1 : undefined;
  const [corrected, uncorrected] = [new Uint32Array(1), new Uint32Array(1)];
  const [waits, failed] = [new Uint32Array(1), new Uint32Array(1)];
  const hasRows = nvml.ask("remappedRows", gpu, corrected, uncorrected, waits, failed);
  return {
    isEccEnabled,
    eccCorrected: countErrors(nvml, gpu, 0),
    eccUncorrected: countErrors(nvml, gpu, 1),
    ...(hasRows
      ? {
          rowsRemappedCorrected: corrected[0],
          rowsRemappedUncorrected: uncorrected[0],
          isRowRemapPending: waits[0] === 1,
          hasRowRemapFailed: failed[0] === 1,
        }
      : {}),
  };
}

/** `type`: 0 corrected, 1 not; since the driver was loaded. */
function countErrors(nvml: Nvml, gpu: Handle, type: number): number | undefined {
  const count = new BigUint64Array(1);
  return nvml.ask("eccErrors", gpu, type, 0, count) ? Number(count[0]) : undefined;
}

function readNvlinks(nvml: Nvml, gpu: Handle): readonly NvLink[] {
  const links: NvLink[] = [];
  for (let link = 0; link < MAX_NVLINKS; link += 1) {
    const isActive = readLinkState(nvml, gpu, link);
    if (isActive === undefined) continue;
    const remoteBus = isActive ? readBus((to) => nvml.ask("nvlinkRemote", gpu, link, to)) : undefined;
    links.push({ link, isActive, remoteBus });
  }
  return links;
}

/** Undefined: the GPU has no such link, which drivers say in two ways. */
function readLinkState(nvml: Nvml, gpu: Handle, link: number): boolean | undefined {
  try {
    const state = readOf(nvml, "nvlinkState", gpu, link);
    return state === undefined ? undefined : state === 1;
  } catch (error) {
    if (error instanceof NvmlError && error.code === "INVALID_ARGUMENT") return undefined;
    throw error;
  }
}

/** A number that takes a number to ask for: a sensor, a kind of clock, a link. */
function readOf(
  nvml: Nvml,
  question: Extract<Question, "temperature" | "clock" | "nvlinkState">,
  gpu: Handle,
  which: number,
): number | undefined {
  const number = new Uint32Array(1);
  return nvml.ask(question, gpu, which, number) ? number[0] : undefined;
}

/** Of milliwatts. */
function watts(milliwatts: number | undefined): number | undefined {
  return milliwatts === undefined ? undefined : milliwatts / 1000;
}
