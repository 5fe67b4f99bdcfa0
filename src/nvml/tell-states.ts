import { readSync } from "node:fs";
import { openGpu, openGpuAt } from "./device.ts";
import { enterRoot, whyFailed, type NvmlPlace } from "./answer.ts";
import { PARTS, type GpuFacts, type Part } from "./gpu-state.ts";
import { openNvml, type Nvml, type Question } from "./library.ts";
import { READERS } from "./read-facts.ts";
import { NvmlError } from "./return-codes.ts";

/** One line of the child: what it begins, and what it has. A GPU is opened, says its parts or why it does not, and is done. */
export type StateEvent =
  | { readonly kind: "open"; readonly target: string }
  | { readonly kind: "done"; readonly target: string }
  | { readonly kind: "part"; readonly target: string; readonly part: Part; readonly facts: GpuFacts }
  | { readonly kind: "fault"; readonly target: string; readonly why: string }
  | { readonly kind: "sick"; readonly target: string; readonly why: string }
  | { readonly kind: "failed"; readonly why: string };

/** What a child is to ask, and of whom. */
export interface Telling extends NvmlPlace {
  /** PCI addresses, or NVML's own numbers. */
  readonly targets: readonly string[];
  /** Whether what goes over PCIe and NVLink is asked, too. */
  readonly hasTraffic: boolean;
  /** After these it asks those of each line of its input, until that ends: NVML is initialised once. */
  readonly isLasting: boolean;
}

/** What says that the GPU is gone, not that it lacks an answer. */
const SICK: ReadonlySet<string> = new Set([
  "GPU_IS_LOST",
  "RESET_REQUIRED",
  "GPU_NOT_FOUND",
  "UNKNOWN",
  "TIMEOUT",
  "IRQ_ISSUE",
]);

/** What is good to know and not known of every GPU: a driver that fails here in whatever way has no answer, as long as the GPU is there. */
const OPTIONAL: ReadonlySet<Question> = new Set<Question>([
  "processUse",
  "encoderUse",
  "decoderUse",
  "pcieThroughput",
  "fieldValues",
]);
const GONE: ReadonlySet<string> = new Set(["GPU_IS_LOST", "RESET_REQUIRED", "GPU_NOT_FOUND"]);

/** What the readers of parts understand by themselves. */
const MEANT: Readonly<Partial<Record<Question, string>>> = {
  memoryV2: "ARGUMENT_VERSION_MISMATCH",
  nvlinkState: "INVALID_ARGUMENT",
  computeProcesses: "INSUFFICIENT_SIZE",
  graphicsProcesses: "INSUFFICIENT_SIZE",
  processUse: "INSUFFICIENT_SIZE",
};

/**
 * In the child: enters the root, loads the library there and asks one GPU after the other, each by its PCI address or, where it is a number, NVML's own. Every answer is
 * printed as it comes, for any call may hang. As with `answer`, this process can only end after it.
 */
export function tellStates(telling: Telling, print: (line: string) => void): void {
  const tell = (event: StateEvent): void => print(`${JSON.stringify(event)}\n`);
  const parts = PARTS.filter((part) => part !== "traffic" || telling.hasTraffic);
  try {
    enterRoot(telling.root);
    const nvml = openNvml(telling.library);
    for (const targets of rounds(telling)) for (const target of targets) tellOne({ nvml, parts, tell }, target);
  } catch (error) {
    tell({ kind: "failed", why: whyFailed(error, telling.root) });
  }
}

/** Whom to ask next: by the arguments, then by each line that comes. */
function* rounds({ targets, isLasting }: Telling): Generator<readonly string[]> {
  yield targets;
  if (!isLasting) return;
  const buffer = Buffer.alloc(64 * 1024);
  let text = "";
  for (let length = readSync(0, buffer); length > 0; length = readSync(0, buffer)) {
    const lines = (text + buffer.toString("utf8", 0, length)).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) yield line.split(" ").filter((target) => target !== "");
  }
}

interface Teller {
  readonly nvml: Nvml;
  readonly parts: readonly Part[];
  readonly tell: (event: StateEvent) => void;
}

function tellOne({ nvml, parts, tell }: Teller, target: string): void {
  tell({ kind: "open", target });
  try {
    const gpu = /^\d+$/.test(target) ? openGpu(nvml, Number(target)) : openGpuAt(nvml, target);
    if (gpu === undefined) throw new NvmlError("the driver", "it has no such GPU");
    const asked = forgiving(nvml, (why) => tell({ kind: "fault", target, why }));
    for (const part of parts) tell({ kind: "part", target, part, facts: READERS[part](asked, gpu) });
  } catch (error) {
    if (!(error instanceof NvmlError)) throw error;
    tell({ kind: "sick", target, why: error.message });
  }
  tell({ kind: "done", target });
}

/** The same library for questions of which each may fail by itself: one that fails is a fault and no answer, unless the GPU is gone. */
function forgiving(nvml: Nvml, onFault: (why: string) => void): Nvml {
  return {
    ask: (question, ...args) => {
      try {
        return nvml.ask(question, ...args);
      } catch (error) {
        if (!(error instanceof NvmlError) || MEANT[question] === error.code) throw error;
        if (OPTIONAL.has(question) && !GONE.has(error.code)) return false;
        if (SICK.has(error.code)) throw error;
        // Not everything is for every user.
        if (error.code !== "NO_PERMISSION") onFault(error.message);
        return false;
      }
    },
  };
}
