import { CString, read, ptr } from "bun:ffi";
import { bind, type Argument, type Bound, type EntryPoint } from "./bind.ts";
import { CudaError, driverCode } from "./cuda-error.ts";

const HANDLE = "u64";
const MEMORY = "ptr";
const DEVICE = "i32";

/** What is asked of libcuda. Source: cuda.h of CUDA 13; every name with these arguments is there since CUDA 7, `cuDeviceGetUuid` since 9.2. */
const ENTRY_POINTS = {
  init: { names: ["cuInit"], args: ["u32"] },
  version: { names: ["cuDriverGetVersion"], args: [MEMORY] },
  count: { names: ["cuDeviceGetCount"], args: [MEMORY] },
  device: { names: ["cuDeviceGet"], args: [MEMORY, "i32"] },
  name: { names: ["cuDeviceGetName"], args: [MEMORY, "i32", DEVICE] },
  // The newer one tells the UUID of a MIG device, the older one that of its GPU.
  uuid: { names: ["cuDeviceGetUuid_v2", "cuDeviceGetUuid"], args: [MEMORY, DEVICE] },
  retainContext: { names: ["cuDevicePrimaryCtxRetain"], args: [MEMORY, DEVICE] },
  releaseContext: { names: ["cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease"], args: [DEVICE] },
  makeContext: { names: ["cuCtxCreate_v2"], args: [MEMORY, "u32", DEVICE] },
  endContext: { names: ["cuCtxDestroy_v2"], args: [HANDLE] },
  useContext: { names: ["cuCtxSetCurrent"], args: [HANDLE] },
  allocate: { names: ["cuMemAlloc_v2"], args: [MEMORY, "u64"] },
  toDevice: { names: ["cuMemcpyHtoD_v2"], args: [HANDLE, MEMORY, "u64"] },
  fromDevice: { names: ["cuMemcpyDtoH_v2"], args: [MEMORY, HANDLE, "u64"] },
  free: { names: ["cuMemFree_v2"], args: [HANDLE] },
  errorName: { names: ["cuGetErrorName"], args: ["u32", MEMORY] },
} as const satisfies Readonly<Record<string, EntryPoint>>;

export type Question = keyof typeof ENTRY_POINTS;

/** The driver's library. */
export interface Driver {
  /** Asks; the memory among the arguments holds the answer. False: the library has no such function. Throws CudaError. */
  readonly ask: (question: Question, ...args: readonly Argument[]) => boolean;
  readonly has: (question: Question) => boolean;
}

/**
 * Loads libcuda, by its path or as the loader finds it. Each function is bound when it is first asked for. Throws
 * CudaError when it cannot be loaded.
 */
export function openDriver(library: string): Driver {
  const bound = new Map<Question, Bound | undefined>();
  const get = (question: Question): Bound | undefined => {
    if (!bound.has(question)) bound.set(question, bind(library, ENTRY_POINTS[question]));
    return bound.get(question);
  };
  const ask: Driver["ask"] = (question, ...args) => {
    const entry = get(question);
    const result = Number(entry?.call(...args) ?? 0);
    if (entry !== undefined && result !== 0) throw failure(entry.name, result, get("errorName"));
    return entry !== undefined;
  };
  if (get("init") === undefined) throw new CudaError(`"${library}" has no function cuInit: it is not the driver's`);
  return { ask, has: (question) => get(question) !== undefined };
}

function failure(call: string, result: number, errorName: Bound | undefined): CudaError {
  const code = driverCode(result, nameOf(result, errorName));
  return new CudaError(`${call}: ${code}`, code);
}

/** What the library itself calls an error; it knows those that are newer than berth. */
function nameOf(result: number, errorName: Bound | undefined): string | undefined {
  const place = new BigUint64Array(1);
  if (errorName === undefined || errorName.call(result, place) !== 0) return undefined;
  const [address = 0n] = place;
  return address === 0n ? undefined : new CString(read.ptr(ptr(place)));
}
