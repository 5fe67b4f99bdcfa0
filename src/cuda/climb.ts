import { readFileSync, readlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoCode } from "../base/index.ts";
import { CudaError } from "./cuda-error.ts";
import { closeContext, listDevices, openContext, readCudaVersion, tryMemory, type Device } from "./devices.ts";
import { openDriver, type Driver } from "./driver.ts";
import { explainNodes } from "./explain-nodes.ts";
import { findLibrary, type SearchScene } from "./find-library.ts";
import type { Layer, LayerId, ProbedGpu, Step } from "./probe.ts";
import { tryLibraries, tryRuntime } from "./toolkit.ts";

/** Where CUDA is tried: in this process. */
export interface ClimbScene extends SearchScene {
  /** libcuda by its path or name; undefined: it is looked for as the loader of this root would, which is not the one that runs. */
  readonly library: string | undefined;
  readonly withToolkit: boolean;
}

const NAME = "libcuda.so.1";
const MAX_LINKS = 8;
const NOT_TRIED = "not tried: a container has those of its image";

/**
 * Tries one layer of CUDA after the other in this process, and gives each as it is done; after one that fails it ends.
 * Any call may hang or crash: only for a process of its own.
 */
export function* climb(scene: ClimbScene): Generator<Step, void> {
  const steps = prove(scene);
  let id: LayerId = "library";
  try {
    for (;;) {
      const next = steps.next();
      if (next.done === true) return;
      id = next.value.next;
      if (next.value.step !== undefined) yield next.value.step;
    }
  } catch (error) {
    if (!(error instanceof CudaError)) throw error;
    yield { layer: { id, state: "failed", detail: withNodes(id, error), code: error.code } };
  }
}

/** A step that is done, and the layer that is tried next. */
interface Move {
  readonly step?: Step;
  readonly next: LayerId;
}

function* prove(scene: ClimbScene): Generator<Move, void> {
  const library = scene.library ?? findLibrary(/^libcuda\.so\.1$/, scene);
  if (library === undefined) throw new CudaError(`there is no "${NAME}" where the loader looks`);
  const driver = openDriver(library);
  yield { step: { layer: good("library", `"${placeOf(library)}"`) }, next: "init" };
  driver.ask("init", 0);
  const cuda = readCudaVersion(driver);
  const supports = cuda === undefined ? "the driver starts" : `the driver starts, and supports CUDA ${cuda}`;
  yield { step: { layer: good("init", supports), cuda }, next: "devices" };
  const devices = listDevices(driver);
  if (devices.length === 0) throw new CudaError("CUDA counts no GPU");
  const gpus = devices.map(({ index, name, uuid }): ProbedGpu => ({ index, name, uuid }));
  yield { step: { layer: good("devices", plural(devices.length, "GPU")), gpus }, next: "context" };
  yield* proveMemory(driver, devices);
  yield* proveToolkit(scene);
}

function* proveMemory(driver: Driver, devices: readonly Device[]): Generator<Move, void> {
  const contexts = devices.flatMap((device) => about(device, () => openContext(driver, device)) ?? []);
  const all = contexts.length === devices.length;
  const made = all ? good("context", `a context on ${plural(contexts.length, "GPU")}`) : lacking("context");
  yield { step: { layer: made }, next: "memory" };
  const tried = all && contexts.every((context) => about(context.device, () => tryMemory(driver, context)));
  contexts.forEach((context) => closeContext(driver, context));
  const kept = `what was written was read back on ${plural(contexts.length, "GPU")}`;
  yield { step: { layer: tried ? good("memory", kept) : lacking("memory") }, next: "runtime" };
}

function* proveToolkit(scene: ClimbScene): Generator<Move, void> {
  if (!scene.withToolkit) {
    for (const next of ["runtime", "libraries"] as const) yield { step: { layer: absent(next, NOT_TRIED) }, next };
    return;
  }
  const runtime = tryRuntime(scene);
  const none = "no libcudart: programs that have it built in need none";
  yield {
    step: { layer: runtime === undefined ? absent("runtime", none) : good("runtime", runtime) },
    next: "libraries",
  };
  const libraries = tryLibraries(scene);
  const layer =
    libraries.length > 0 ? good("libraries", libraries.join(", ")) : absent("libraries", "no cuBLAS, no cuDNN");
  yield { step: { layer }, next: "libraries" };
}

/** Says which GPU it is that fails. */
function about<T>({ index, name, uuid }: Device, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CudaError)) throw error;
    const title = [`GPU ${index}`, ...[name, uuid].filter((part) => part !== undefined)].join(", ");
    throw new CudaError(`${title}: ${error.message}`, error.code);
  }
}

function withNodes(id: LayerId, { message }: CudaError): string {
  const faults = id === "init" || id === "devices" ? explainNodes() : [];
  return faults.length === 0 ? message : `${message}; ${faults.join("; ")}`;
}

function good(id: LayerId, detail: string): Layer {
  return { id, state: "good", detail, code: undefined };
}

function absent(id: LayerId, detail: string): Layer {
  return { id, state: "absent", detail, code: undefined };
}

function lacking(id: LayerId): Layer {
  return absent(id, `"${NAME}" has no functions for it: its driver is too old`);
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** The file that the loader took; without procfs a name stays a name. */
function placeOf(library: string): string {
  if (library.startsWith("/")) return followLinks(library);
  try {
    const maps = readFileSync("/proc/self/maps", "utf8");
    return /\s(\/\S*\/libcuda\.so[^\s/]*)$/m.exec(maps)?.[1] ?? library;
  } catch (error) {
    if (errnoCode(error) !== undefined) return library;
    throw error;
  }
}

/** As `realpath` for the file's own links; that of Bun needs procfs, which another root may lack. */
function followLinks(path: string): string {
  let place = path;
  try {
    for (let links = 0; links < MAX_LINKS; links += 1) place = resolve(dirname(place), readlinkSync(place));
  } catch (error) {
    // The last one is no link.
    if (errnoCode(error) === undefined) throw error;
  }
  return place;
}
