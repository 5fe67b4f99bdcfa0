/** `nvmlReturn_t` without NVML_ERROR_, by number; what is newer is told by its number. */
const NAMES: Readonly<Record<number, string>> = {
  1: "UNINITIALIZED",
  2: "INVALID_ARGUMENT",
  3: "NOT_SUPPORTED",
  4: "NO_PERMISSION",
  5: "ALREADY_INITIALIZED",
  6: "NOT_FOUND",
  7: "INSUFFICIENT_SIZE",
  8: "INSUFFICIENT_POWER",
  9: "DRIVER_NOT_LOADED",
  10: "TIMEOUT",
  11: "IRQ_ISSUE",
  12: "LIBRARY_NOT_FOUND",
  13: "FUNCTION_NOT_FOUND",
  14: "CORRUPTED_INFOROM",
  15: "GPU_IS_LOST",
  16: "RESET_REQUIRED",
  17: "OPERATING_SYSTEM",
  18: "LIB_RM_VERSION_MISMATCH",
  19: "IN_USE",
  20: "MEMORY",
  21: "NO_DATA",
  22: "VGPU_ECC_NOT_SUPPORTED",
  23: "INSUFFICIENT_RESOURCES",
  24: "FREQ_NOT_SUPPORTED",
  25: "ARGUMENT_VERSION_MISMATCH",
  26: "DEPRECATED",
  27: "NOT_READY",
  28: "GPU_NOT_FOUND",
  29: "INVALID_STATE",
  999: "UNKNOWN",
};

/** NOT_SUPPORTED, NOT_FOUND, LIBRARY_NOT_FOUND (of libcuda, say), FUNCTION_NOT_FOUND: there is no answer, and nothing is wrong. */
const NO_ANSWER: ReadonlySet<number> = new Set([3, 6, 12, 13]);

/** A call of NVML that failed; `code` is "GPU_IS_LOST", "NO_PERMISSION" and so on. */
export class NvmlError extends Error {
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.name = "NvmlError";
    this.code = code;
  }
}

/** Whether a call answered; false where this driver or GPU has no answer. Throws NvmlError for every other code. */
export function isAnswered(call: string, code: number): boolean {
  if (code === 0) return true;
  if (NO_ANSWER.has(code)) return false;
  throw new NvmlError(call, NAMES[code] ?? `error ${code}`);
}
