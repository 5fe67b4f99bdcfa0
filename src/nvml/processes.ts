import type { Handle } from "./device.ts";
import type { GpuProcess } from "./gpu-state.ts";
import type { Nvml, Question } from "./library.ts";
import { NvmlError } from "./return-codes.ts";

/** `nvmlProcessInfo_t` since R510: the number, 8 bytes of memory at 8, GPU instance and compute instance. */
const BYTES = 24;
const MEMORY_AT = 8;
const GPU_INSTANCE_AT = 16;
const COMPUTE_INSTANCE_AT = 20;
/** Room for what starts between the count and the list; a second try has more. */
const FIRST_ROOM = 64;
const TRIES = 4;
const NO_INSTANCE = 0xffffffff;
/** NVML_VALUE_NOT_AVAILABLE */
const NO_MEMORY = 0xffffffffffffffffn;

/** The processes that use a GPU, each once; undefined: the driver does not say. Throws NvmlError. */
export function readProcesses(nvml: Nvml, gpu: Handle): readonly GpuProcess[] | undefined {
  const compute = readList(nvml, "computeProcesses", gpu);
  const graphics = readList(nvml, "graphicsProcesses", gpu);
  if (compute === undefined && graphics === undefined) return undefined;
  const found = new Map<string, GpuProcess>();
  for (const process of [...(compute ?? []), ...(graphics ?? [])]) {
    const key = [process.pid, process.gpuInstance, process.computeInstance].join(" ");
    const known = found.get(key);
    found.set(key, known === undefined || known.kind === process.kind ? process : { ...known, kind: "both" });
  }
  return [...found.values()];
}

type List = Extract<Question, "computeProcesses" | "graphicsProcesses">;

function readList(nvml: Nvml, question: List, gpu: Handle): readonly GpuProcess[] | undefined {
  const kind = question === "computeProcesses" ? "compute" : "graphics";
  const count = new Uint32Array(1);
  for (let room = FIRST_ROOM, tries = 0; tries < TRIES; room = 2 * (count[0] ?? room), tries += 1) {
    const infos = new Uint8Array(room * BYTES);
    count[0] = room;
    try {
      return nvml.ask(question, gpu, count, infos) ? parseList(infos, count[0] ?? 0, kind) : undefined;
    } catch (error) {
      // More have started than there is room for.
      if (!(error instanceof NvmlError && error.code === "INSUFFICIENT_SIZE")) throw error;
    }
  }
  return undefined;
}

function parseList(infos: Uint8Array, count: number, kind: "compute" | "graphics"): readonly GpuProcess[] {
  const view = new DataView(infos.buffer);
  return Array.from({ length: count }, (_, index) => {
    const at = index * BYTES;
    const memory = view.getBigUint64(at + MEMORY_AT, true);
    const gpuInstance = view.getUint32(at + GPU_INSTANCE_AT, true);
    const computeInstance = view.getUint32(at + COMPUTE_INSTANCE_AT, true);
    return {
      pid: view.getUint32(at, true),
      kind,
      memoryBytes: memory === NO_MEMORY ? undefined : Number(memory),
      gpuInstance: gpuInstance === NO_INSTANCE ? undefined : gpuInstance,
      computeInstance: computeInstance === NO_INSTANCE ? undefined : computeInstance,
    };
  });
}
