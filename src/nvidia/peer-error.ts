import { BerthError, escapeControls, formatProblem, type ErrorCode, type Problem } from "../base/index.ts";

/** The step at which `nvidia-container-cli` fails, as its messages name it. */
export type Phase =
  | "container"
  | "detection"
  | "device"
  | "initialization"
  | "input"
  | "ldcache"
  | "mig-config"
  | "mig-monitor"
  | "mount"
  | "permission"
  | "requirement";

/** A failure for which the program that is replaced has words of its own: `device error: 99: unknown device`. */
export class PeerError extends BerthError {
  readonly phase: Phase;
  /** Behind "PHASE error: ". */
  readonly words: string;

  constructor(phase: Phase, words: string, problem: Problem, options?: { readonly cause?: unknown }) {
    super(problem, options);
    this.phase = phase;
    this.words = words;
  }
}

/** The step that a code of ours belongs to. What is not here fails while the program gets ready. */
const PHASES: Readonly<Partial<Record<ErrorCode, Phase>>> = {
  "BERTH-D002": "mount",
  "BERTH-D003": "mount",
  "BERTH-D004": "detection",
  "BERTH-K001": "container",
  "BERTH-P001": "mount",
  "BERTH-P002": "mount",
  "BERTH-P003": "mount",
  "BERTH-P004": "container",
  "BERTH-K002": "mount",
  "BERTH-R001": "device",
  "BERTH-R002": "device",
  "BERTH-R004": "device",
  "BERTH-R005": "device",
  "BERTH-R006": "requirement",
  "BERTH-R007": "requirement",
  "BERTH-R008": "permission",
  "BERTH-S001": "container",
  "BERTH-S002": "container",
  "BERTH-S003": "container",
  "BERTH-S004": "container",
  "BERTH-S005": "container",
  "BERTH-U001": "input",
};

const ADVICE = ", please update your driver to a newer version, or use an earlier cuda container";

/**
 * A failure for stderr, two lines: first the words that users, tools and issue trackers know, then our own code, cause and remedy. `requirements` are those of
 * the call, in the order of `NVIDIA_REQUIRE_0`, `_1`, …. Words: libnvidia-container, src/cli (main, info, list, configure, dsl).
 */
export function formatPeerError(program: string, thrown: unknown, requirements: readonly string[] = []): string {
  const error = BerthError.from(thrown);
  const { phase, words } = wordsOf(error, requirements);
  return `${escapeControls(`${program}: ${phase} error: ${words}`)}\n${formatProblem(program, error)}\n`;
}

function wordsOf(error: BerthError, requirements: readonly string[]): { phase: Phase; words: string } {
  if (error instanceof PeerError) return error;
  const phase = PHASES[error.code] ?? "initialization";
  if (error.code === "BERTH-D001") return { phase, words: "nvml error: driver not loaded" };
  if (error.code === "BERTH-R001") return { phase, words: unknownDevice(error) };
  if (error.code === "BERTH-R006") return { phase, words: "invalid expression" };
  if (error.code === "BERTH-R007") return { phase, words: unsatisfied(error, requirements) };
  return { phase, words: error.message };
}

/** `Cannot find GPU 99: …`: the id alone. */
function unknownDevice({ message }: BerthError): string {
  const [, id] = /^Cannot find (?:GPU |the GPU at |MIG device )?(\S+): /.exec(message) ?? [];
  return id === undefined ? message : `${id}: unknown device`;
}

/** Only the first alternative is named, and what to do only for the condition that every CUDA image has. */
function unsatisfied({ message }: BerthError, requirements: readonly string[]): string {
  const [, name = "", quoted = ""] = /NVIDIA_REQUIRE_(\w+)=([^ ,]+)/.exec(message) ?? [];
  const [first = ""] = (requirements[Number(name)] ?? quoted).split(" ");
  return `unsatisfied condition: ${first}${first.startsWith("cuda>=") ? ADVICE : ""}`;
}
