/**
 * CUDA: whether the driver API works here, layer by layer, and the toolkit's runtime and libraries where they are.
 * Bound over FFI, one function at a time, and tried in a child process with a deadline, as a sick GPU hangs and a
 * broken library crashes. Never on a container's start path; knows nothing of hosts, engines and containers, and runs
 * in all of them. Sources: cuda.h, cuda_runtime_api.h of CUDA 13.
 */
export { answer, formatProbe, type AnswerScene } from "./answer.ts";
export { probeByChild, probeCuda, type ProbeOptions } from "./ask.ts";
export {
  failedLayer,
  LAYER_IDS,
  NO_ANSWER,
  type Layer,
  type LayerId,
  type Libc,
  type Probe,
  type ProbedGpu,
} from "./probe.ts";
export { readProbe, type ProbeEnd } from "./read-probe.ts";
