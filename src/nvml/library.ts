import { dlopen, type FFITypeOrString } from "bun:ffi";
import { messageOf } from "../base/index.ts";
import { isAnswered, NvmlError } from "./return-codes.ts";

interface EntryPoint {
  /** The newest first. Only names whose arguments have the same layout stand together. */
  readonly names: readonly string[];
  readonly args: readonly FFITypeOrString[];
}

const HANDLE = "u64";
const TO_MEMORY = "ptr";
const NUMBER = "u32";

/** What is asked. A later question is one line here and one function beside those of device.ts. */
const ENTRY_POINTS = {
  init: { names: ["nvmlInit_v2", "nvmlInit"], args: [] },
  driverVersion: { names: ["nvmlSystemGetDriverVersion"], args: [TO_MEMORY, NUMBER] },
  cudaVersion: {
    names: ["nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"],
    args: [TO_MEMORY],
  },
  count: { names: ["nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"], args: [TO_MEMORY] },
  handleByIndex: {
    names: ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"],
    args: [NUMBER, TO_MEMORY],
  },
  // Domain, bus and device stand at the same place in all three.
  pciInfo: {
    names: ["nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"],
    args: [HANDLE, TO_MEMORY],
  },
  uuid: { names: ["nvmlDeviceGetUUID"], args: [HANDLE, TO_MEMORY, NUMBER] },
  name: { names: ["nvmlDeviceGetName"], args: [HANDLE, TO_MEMORY, NUMBER] },
  brand: { names: ["nvmlDeviceGetBrand"], args: [HANDLE, TO_MEMORY] },
  computeCapability: { names: ["nvmlDeviceGetCudaComputeCapability"], args: [HANDLE, TO_MEMORY, TO_MEMORY] },
  migMode: { names: ["nvmlDeviceGetMigMode"], args: [HANDLE, TO_MEMORY, TO_MEMORY] },
  maxMigDevices: { names: ["nvmlDeviceGetMaxMigDeviceCount"], args: [HANDLE, TO_MEMORY] },
  migHandleByIndex: { names: ["nvmlDeviceGetMigDeviceHandleByIndex"], args: [HANDLE, NUMBER, TO_MEMORY] },
  gpuInstance: { names: ["nvmlDeviceGetGpuInstanceId"], args: [HANDLE, TO_MEMORY] },
  computeInstance: { names: ["nvmlDeviceGetComputeInstanceId"], args: [HANDLE, TO_MEMORY] },
  handleByBus: {
    names: ["nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetHandleByPciBusId"],
    args: [TO_MEMORY, TO_MEMORY],
  },
  // Of another layout than the first version.
  memoryV2: { names: ["nvmlDeviceGetMemoryInfo_v2"], args: [HANDLE, TO_MEMORY] },
  memory: { names: ["nvmlDeviceGetMemoryInfo"], args: [HANDLE, TO_MEMORY] },
  utilisation: { names: ["nvmlDeviceGetUtilizationRates"], args: [HANDLE, TO_MEMORY] },
  temperature: { names: ["nvmlDeviceGetTemperature"], args: [HANDLE, NUMBER, TO_MEMORY] },
  fanSpeed: { names: ["nvmlDeviceGetFanSpeed"], args: [HANDLE, TO_MEMORY] },
  powerUsage: { names: ["nvmlDeviceGetPowerUsage"], args: [HANDLE, TO_MEMORY] },
  powerLimit: {
    names: ["nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetPowerManagementLimit"],
    args: [HANDLE, TO_MEMORY],
  },
  clock: { names: ["nvmlDeviceGetClockInfo"], args: [HANDLE, NUMBER, TO_MEMORY] },
  eccMode: { names: ["nvmlDeviceGetEccMode"], args: [HANDLE, TO_MEMORY, TO_MEMORY] },
  eccErrors: { names: ["nvmlDeviceGetTotalEccErrors"], args: [HANDLE, NUMBER, NUMBER, TO_MEMORY] },
  remappedRows: {
    names: ["nvmlDeviceGetRemappedRows"],
    args: [HANDLE, TO_MEMORY, TO_MEMORY, TO_MEMORY, TO_MEMORY],
  },
  persistence: { names: ["nvmlDeviceGetPersistenceMode"], args: [HANDLE, TO_MEMORY] },
  pcieGeneration: { names: ["nvmlDeviceGetCurrPcieLinkGeneration"], args: [HANDLE, TO_MEMORY] },
  pcieGenerationMax: { names: ["nvmlDeviceGetMaxPcieLinkGeneration"], args: [HANDLE, TO_MEMORY] },
  pcieWidth: { names: ["nvmlDeviceGetCurrPcieLinkWidth"], args: [HANDLE, TO_MEMORY] },
  pcieWidthMax: { names: ["nvmlDeviceGetMaxPcieLinkWidth"], args: [HANDLE, TO_MEMORY] },
  nvlinkState: { names: ["nvmlDeviceGetNvLinkState"], args: [HANDLE, NUMBER, TO_MEMORY] },
  nvlinkRemote: {
    names: ["nvmlDeviceGetNvLinkRemotePciInfo_v2", "nvmlDeviceGetNvLinkRemotePciInfo"],
    args: [HANDLE, NUMBER, TO_MEMORY],
  },
  // The version before has the same layout; the first, of drivers before R510, another.
  computeProcesses: {
    names: ["nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"],
    args: [HANDLE, TO_MEMORY, TO_MEMORY],
  },
  graphicsProcesses: {
    names: ["nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2"],
    args: [HANDLE, TO_MEMORY, TO_MEMORY],
  },
  processUse: { names: ["nvmlDeviceGetProcessUtilization"], args: [HANDLE, TO_MEMORY, TO_MEMORY, "u64"] },
  encoderUse: { names: ["nvmlDeviceGetEncoderUtilization"], args: [HANDLE, TO_MEMORY, TO_MEMORY] },
  decoderUse: { names: ["nvmlDeviceGetDecoderUtilization"], args: [HANDLE, TO_MEMORY, TO_MEMORY] },
  pcieThroughput: { names: ["nvmlDeviceGetPcieThroughput"], args: [HANDLE, NUMBER, TO_MEMORY] },
  fieldValues: { names: ["nvmlDeviceGetFieldValues"], args: [HANDLE, NUMBER, TO_MEMORY] },
} as const satisfies Readonly<Record<string, EntryPoint>>;

export type Question = keyof typeof ENTRY_POINTS;
export type NvmlArgument = number | bigint | NodeJS.TypedArray;

/** The loaded and initialised library. */
export interface Nvml {
  /** Asks; the memory among the arguments holds the answer. False: the driver or the GPU has none. Throws NvmlError. */
  readonly ask: (question: Question, ...args: readonly NvmlArgument[]) => boolean;
}

type Call = (...args: readonly NvmlArgument[]) => number;
interface Bound {
  readonly name: string;
  readonly call: Call;
}

/**
 * Loads the library at a path and initialises it. Each entry point is bound by itself when it is first asked, so that one an
 * older driver lacks costs one answer and not all. Throws NvmlError.
 */
export function openNvml(path: string): Nvml {
  const bound = new Map<Question, Bound | undefined>();
  const ask: Nvml["ask"] = (question, ...args) => {
    if (!bound.has(question)) bound.set(question, bindFirst(path, question));
    const entry = bound.get(question);
    return entry !== undefined && isAnswered(entry.name, entry.call(...args));
  };
  // Where neither name is there, the last try tells why.
  const init = bindFirst(path, "init") ?? bind(path, "nvmlInit", []);
  if (!isAnswered(init.name, init.call())) throw new NvmlError(init.name, "no answer");
  return { ask };
}

function bindFirst(path: string, question: Question): Bound | undefined {
  const { names, args } = ENTRY_POINTS[question];
  for (const name of names) {
    try {
      return bind(path, name, args);
    } catch (error) {
      // The next older name may be there; if none is, that is the answer.
      if (!(error instanceof NvmlError)) throw error;
    }
  }
  return undefined;
}

function bind(path: string, name: string, args: readonly FFITypeOrString[]): Bound {
  try {
    const { symbols } = dlopen(path, { [name]: { args, returns: NUMBER } });
    const call: unknown = symbols[name];
    if (isCall(call)) return { name, call };
  } catch (error) {
    const why = messageOf(error);
    // The C library's own words follow, which name the file, too.
    throw new NvmlError("dlopen", why.replace(/^Failed to open library "[^"]*": /, ""));
  }
  throw new NvmlError("dlopen", `"${path}" has no function ${name}`);
}

function isCall(value: unknown): value is Call {
  return typeof value === "function";
}
