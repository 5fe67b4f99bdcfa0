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
/** `nvmlProcessUtilizationSample_t`: the number, at 8 the time in microseconds since 1970, at 16 the shares of the SMs and of memory. */
const SAMPLE_BYTES = 32;
/** Older samples say nothing of now. */
const USE_MS = 3000;
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
  const use = found.size === 0 ? new Map<number, Use>() : readUse(nvml, gpu);
  return [...found.values()].map((process) => ({ ...process, ...use.get(process.pid) }));
}

type Use = Pick<GpuProcess, "gpuPercent" | "memoryPercent">;

/** The last sample of each process that has worked since then; none under MIG. */
function readUse(nvml: Nvml, gpu: Handle): ReadonlyMap<number, Use> {
  const since = BigInt(Date.now() - USE_MS) * 1000n;
  const count = new Uint32Array(1);
  const samples = readGrowing(count, SAMPLE_BYTES, (room) => nvml.ask("processUse", gpu, room, count, since));
  const uses = new Map<number, Use>();
  if (samples === undefined) return uses;
  const times = new Map<number, bigint>();
  const end = (count[0] ?? 0) * SAMPLE_BYTES;
  for (let at = 0; at < end; at += SAMPLE_BYTES) {
    const [pid, time] = [samples.getUint32(at, true), samples.getBigUint64(at + 8, true)];
    if (time < (times.get(pid) ?? 0n)) continue;
    times.set(pid, time);
    uses.set(pid, { gpuPercent: samples.getUint32(at + 16, true), memoryPercent: samples.getUint32(at + 20, true) });
  }
  return uses;
}

type List = Extract<Question, "computeProcesses" | "graphicsProcesses">;

function readList(nvml: Nvml, question: List, gpu: Handle): readonly GpuProcess[] | undefined {
  const kind = question === "computeProcesses" ? "compute" : "graphics";
  const count = new Uint32Array(1);
  const infos = readGrowing(count, BYTES, (room) => nvml.ask(question, gpu, count, room));
  return infos === undefined ? undefined : parseList(infos, count[0] ?? 0, kind);
}

/** A list of a length that nobody knows before: `count` is how many there is room for, and then how many there are. Undefined: no answer. */
function readGrowing(count: Uint32Array, bytes: number, ask: (room: Uint8Array) => boolean): DataView | undefined {
  for (let room = FIRST_ROOM, tries = 0; tries < TRIES; room = 2 * (count[0] ?? room), tries += 1) {
    const infos = new Uint8Array(room * bytes);
    count[0] = room;
    try {
      return ask(infos) ? new DataView(infos.buffer) : undefined;
    } catch (error) {
      // More have started than there is room for.
      if (!(error instanceof NvmlError && error.code === "INSUFFICIENT_SIZE")) throw error;
    }
  }
  return undefined;
}

function parseList(view: DataView, count: number, kind: "compute" | "graphics"): readonly GpuProcess[] {
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
