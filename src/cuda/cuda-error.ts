/** A call of CUDA that failed, or a library that cannot be loaded. */
export class CudaError extends Error {
  /** "CUDA_ERROR_UNKNOWN (999)"; undefined: nothing was called. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.name = "CudaError";
    this.code = code;
  }
}

/** Names of `CUresult` by number, for a library that has no `cuGetErrorName`, or does not know one. Source: cuda.h of CUDA 13. */
const DRIVER_CODES: Readonly<Record<number, string>> = {
  1: "CUDA_ERROR_INVALID_VALUE",
  2: "CUDA_ERROR_OUT_OF_MEMORY",
  3: "CUDA_ERROR_NOT_INITIALIZED",
  34: "CUDA_ERROR_STUB_LIBRARY",
  46: "CUDA_ERROR_DEVICE_UNAVAILABLE",
  100: "CUDA_ERROR_NO_DEVICE",
  101: "CUDA_ERROR_INVALID_DEVICE",
  214: "CUDA_ERROR_ECC_UNCORRECTABLE",
  304: "CUDA_ERROR_OPERATING_SYSTEM",
  702: "CUDA_ERROR_LAUNCH_TIMEOUT",
  719: "CUDA_ERROR_LAUNCH_FAILED",
  801: "CUDA_ERROR_NOT_SUPPORTED",
  802: "CUDA_ERROR_SYSTEM_NOT_READY",
  803: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
  804: "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
  999: "CUDA_ERROR_UNKNOWN",
};

/** "CUDA_ERROR_UNKNOWN (999)" */
export function driverCode(number: number, name = DRIVER_CODES[number]): string {
  return name === undefined ? `error ${number}` : `${name} (${number})`;
}

/** Names of `cudaError_t`, whose numbers are those of `CUresult` from 100 on. Source: driver_types.h of CUDA 13. */
const RUNTIME_CODES: Readonly<Record<number, string>> = {
  1: "cudaErrorInvalidValue",
  2: "cudaErrorMemoryAllocation",
  3: "cudaErrorInitializationError",
  34: "cudaErrorStubLibrary",
  35: "cudaErrorInsufficientDriver",
  46: "cudaErrorDevicesUnavailable",
  100: "cudaErrorNoDevice",
  802: "cudaErrorSystemNotReady",
  803: "cudaErrorSystemDriverMismatch",
  804: "cudaErrorCompatNotSupportedOnDevice",
  999: "cudaErrorUnknown",
};

/** "cudaErrorInsufficientDriver (35)" */
export function runtimeCode(number: number): string {
  const name = RUNTIME_CODES[number];
  return name === undefined ? `error ${number}` : `${name} (${number})`;
}
