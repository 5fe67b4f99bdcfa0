import type { Nvml, Question } from "./library.ts";

/** A device handle of NVML; of a GPU or of a MIG device. */
export type Handle = bigint;

/** NVML_DEVICE_NAME_V2_BUFFER_SIZE and NVML_DEVICE_UUID_V2_BUFFER_SIZE are 96. */
const TEXT_BYTES = 96;
/** At least that of `nvmlPciInfo_t` in every version. */
const PCI_INFO_BYTES = 128;
/** In words, after 16 bytes of text. */
const PCI_DOMAIN = 4;
const PCI_BUS = 5;
const PCI_DEVICE = 6;

/** The driver's version: "570.133.20". */
export function readDriverVersion(nvml: Nvml): string | undefined {
  const bytes = new Uint8Array(TEXT_BYTES);
  return nvml.ask("driverVersion", bytes, bytes.length) ? textOf(bytes) : undefined;
}

/** The newest CUDA that the driver supports: "12.8" of 1000 × major + 10 × minor. */
export function readCudaVersion(nvml: Nvml): string | undefined {
  const version = new Int32Array(1);
  if (!nvml.ask("cudaVersion", version)) return undefined;
  const [number = 0] = version;
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}

/** How many GPUs there are, sick ones included. */
export function countGpus(nvml: Nvml): number {
  const count = new Uint32Array(1);
  return nvml.ask("count", count) ? (count[0] ?? 0) : 0;
}

/** The GPU with a number of NVML's. This initialises it where nothing uses it yet. Throws NvmlError for a sick one. */
export function openGpu(nvml: Nvml, index: number): Handle | undefined {
  return readHandle((to) => nvml.ask("handleByIndex", index, to));
}

/** A MIG device of a GPU by NVML's number within it; there are gaps. */
function openMigDevice(nvml: Nvml, gpu: Handle, index: number): Handle | undefined {
  return readHandle((to) => nvml.ask("migHandleByIndex", gpu, index, to));
}

/** The GPU at a PCI address ("0000:1b:00.0"). This initialises it where nothing uses it yet. Throws NvmlError for a sick one. */
export function openGpuAt(nvml: Nvml, bus: string): Handle | undefined {
  const text = new TextEncoder().encode(`${bus}\0`);
  return readHandle((to) => nvml.ask("handleByBus", text, to));
}

/** A MIG device of a GPU, with NVML's number of it. */
export interface MigHandle {
  readonly index: number;
  readonly device: Handle;
}

/** All MIG devices of a GPU. */
export function listMigHandles(nvml: Nvml, gpu: Handle): readonly MigHandle[] {
  const count = readNumber(nvml, "maxMigDevices", gpu) ?? 0;
  return Array.from({ length: count }, (_, index) => ({ index, device: openMigDevice(nvml, gpu, index) })).filter(
    (each): each is MigHandle => each.device !== undefined,
  );
}

/** "0000:1b:00.0" */
export function readPciAddress(nvml: Nvml, gpu: Handle): string | undefined {
  return readBus((to) => nvml.ask("pciInfo", gpu, to));
}

/** The address in what a question fills, which is an `nvmlPciInfo_t`. */
export function readBus(ask: (to: Uint32Array) => boolean): string | undefined {
  const info = new Uint32Array(PCI_INFO_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  if (!ask(info)) return undefined;
  const hex = (word: number, width: number): string => (info[word] ?? 0).toString(16).padStart(width, "0");
  return `${hex(PCI_DOMAIN, 4)}:${hex(PCI_BUS, 2)}:${hex(PCI_DEVICE, 2)}.0`;
}

/** "9.0" */
export function readComputeCapability(nvml: Nvml, gpu: Handle): string | undefined {
  const [major, minor] = [new Int32Array(1), new Int32Array(1)];
  return nvml.ask("computeCapability", gpu, major, minor) ? `${major[0]}.${minor[0]}` : undefined;
}

/** Whether MIG is on now; undefined for a GPU that cannot be divided. */
export function readMigMode(nvml: Nvml, gpu: Handle): boolean | undefined {
  const [current, pending] = [new Uint32Array(1), new Uint32Array(1)];
  return nvml.ask("migMode", gpu, current, pending) ? current[0] === 1 : undefined;
}

/** A text that a device says of itself. */
export function readText(nvml: Nvml, question: Extract<Question, "uuid" | "name">, of: Handle): string | undefined {
  const bytes = new Uint8Array(TEXT_BYTES);
  return nvml.ask(question, of, bytes, bytes.length) ? textOf(bytes) : undefined;
}

type NumberQuestion = Extract<
  Question,
  | "brand"
  | "maxMigDevices"
  | "gpuInstance"
  | "computeInstance"
  | "fanSpeed"
  | "powerUsage"
  | "powerLimit"
  | "persistence"
  | "pcieGeneration"
  | "pcieGenerationMax"
  | "pcieWidth"
  | "pcieWidthMax"
>;

/** A number that a device says of itself. */
export function readNumber(nvml: Nvml, question: NumberQuestion, of: Handle): number | undefined {
  const number = new Uint32Array(1);
  return nvml.ask(question, of, number) ? number[0] : undefined;
}

function readHandle(ask: (to: BigUint64Array) => boolean): Handle | undefined {
  const handle = new BigUint64Array(1);
  return ask(handle) ? handle[0] : undefined;
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}
