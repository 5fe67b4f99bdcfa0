/**
 * NVML: what only the driver's own library says. Bound over FFI, one entry point at a time, and asked in a child process with
 * a deadline, as initialising a GPU takes seconds and a sick one hangs for ever. Never on a container's start path; knows
 * nothing of hosts and containers. Source: nvml.h of CUDA 12.
 */
export { answer, type NvmlPlace } from "./answer.ts";
export { askInChild } from "./ask.ts";
export type { NvmlGpu, NvmlInventory, NvmlMigDevice, SkippedGpu } from "./inventory.ts";
export type { NvmlAnswer } from "./parse-answer.ts";
export { StateAsker, type StateAskerOptions } from "./state-asker.ts";
export { sickState } from "./worker.ts";
export {
  FLAG_FIELDS,
  NUMBER_FIELDS,
  type GpuFacts,
  type GpuProcess,
  type GpuState,
  type MigState,
  type NvLink,
} from "./gpu-state.ts";
export { tellStates } from "./tell-states.ts";
