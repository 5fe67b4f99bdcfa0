/**
 * The doctor: one check a file, all of one shape, along the chain from the PCI device to a container; and what runs
 * them, mends what they name and says it. It reads the files of a root and asks the engines; it describes nothing by
 * itself (`host/` does) and grants nothing. Beside it what error texts of other programs mean on this machine, and
 * whether an image would start here.
 */
export { checkCdi, type CdiCheck, type CheckedSpec } from "./cdi/check-files.ts";
export { titleOf } from "./cdi/check-engines.ts";
export type { CdiFinding } from "./cdi/finding.ts";
export { CHECKS } from "./checks.ts";
export { choose, examine } from "./examine.ts";
export type { Result } from "./result.ts";
export { formatEnd, formatResult, resultsToJson, type Layout } from "./format.ts";
export type { MendOptions } from "./mend.ts";
export type { SceneInput } from "./scene.ts";
export { findLayerProblem, findTrialProblem, titleOfTrial } from "./selftest-problem.ts";
export { probeRoot } from "./probe-root.ts";
export {
  explain,
  formatExplanation,
  MAX_TEXT,
  openMachine,
  type Explanation,
  type Machine,
  type MachineOptions,
} from "./explain/index.ts";
export { formatPreflight, preflightToJson } from "./preflight/format.ts";
export { judgeImage, type Preflight, type PreflightInput } from "./preflight/judge-image.ts";
