import { BerthError, escapeControls } from "../base/index.ts";
import { hasForwardCompatibility, smallestDriverFor, type Gpu, type Host } from "../host/index.ts";
import { parseCondition, type Condition, type Property, type Request, type Term } from "../request/index.ts";
import { cudaOfCompat, type CompatDecision } from "./compat.ts";
import { evaluate, holds, type Facts } from "./evaluate.ts";
import type { Policy } from "./policy.ts";

/** What conditions of an image are held against. */
export interface Meeting {
  readonly host: Host;
  readonly policy: Policy;
  /** Those that the container gets, parents of MIG devices among them. */
  readonly gpus: readonly Gpu[];
  readonly compat: CompatDecision | undefined;
  /** False: only the image's configuration is known, not which files it has. */
  readonly isImageSeen: boolean;
}

/**
 * Holds the image's conditions (`NVIDIA_REQUIRE_*`) against the host; gives back a warning for each that cannot be decided from what is known of it. Throws
 * BERTH-R006 for one that cannot be read and R007 for one that is not met. Where the image's newer CUDA libraries are used, theirs is the CUDA version.
 */
export function checkConditions(request: Request, meeting: Meeting): readonly string[] {
  if (request.isConditionWaived || meeting.policy.waivesConditions) return [];
  const facts = factsOf(meeting);
  const conditions = request.conditions.map(parseCondition);
  const results = conditions.map((condition) => ({ condition, truth: evaluate(condition, facts) }));
  const failed = results.find(({ truth }) => truth === "no");
  if (failed !== undefined) throw unmet(failed.condition, facts, meeting);
  return results
    .filter(({ truth }) => truth === "unknown")
    .map(({ condition }) => `not checked, as this host does not say enough: ${quote(condition)}`);
}

function factsOf({ host, gpus, compat }: Meeting): Facts {
  return {
    driver: host.driver?.version,
    cuda: compat?.isUsed === true ? cudaOfCompat(compat.compat) : host.driver?.cuda,
    gpus: gpus.map(({ computeCapability, brand }) => ({ arch: computeCapability, brand })),
  };
}

function quote({ variable, text }: Condition): string {
  const short = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return escapeControls(`${variable.slice(0, 120)}=${short}`);
}

function unmet(condition: Condition, facts: Facts, meeting: Meeting): BerthError {
  const term = decisiveTerm(condition, facts);
  const asked =
    condition.text === term?.text ? quote(condition) : `${escapeControls(term?.text ?? "")} of ${quote(condition)}`;
  return new BerthError({
    code: "BERTH-R007",
    message: `Cannot start this container: its image demands ${asked}, but ${whatIsThere(term, facts, meeting)}${compatHint(term, meeting)}`,
    remedy: `${remedyFor(term)}, or start it all the same with NVIDIA_DISABLE_REQUIRE=1`,
  });
}

/**
 * The term to talk about: the first that fails of the alternative that comes nearest. One for this GPU's brand fails by its driver, one for other brands
 * fails by its brand.
 */
function decisiveTerm({ alternatives }: Condition, facts: Facts): Term | undefined {
  const gpus = facts.gpus.length === 0 ? [undefined] : facts.gpus;
  const fails = (term: Term): boolean => gpus.some((gpu) => holds(term, facts, gpu) === "no");
  const failing = alternatives.flatMap((terms) => terms.find(fails) ?? []);
  return failing.toSorted((a, b) => RANK.indexOf(a.property) - RANK.indexOf(b.property))[0];
}

const RANK: readonly Property[] = ["cuda", "arch", "driver", "brand"];

function whatIsThere(term: Term | undefined, facts: Facts, { gpus }: Meeting): string {
  const { driver = "of unknown version", cuda } = facts;
  switch (term?.property) {
    case "cuda":
      return `the driver ${driver}${cuda === undefined ? "" : ` supports CUDA ${cuda.version}`}`;
    case "arch":
      return listGpus(gpus, ({ computeCapability }) => `compute capability ${computeCapability ?? "unknown"}`);
    case "brand":
      return listGpus(gpus, ({ brand }) => `brand ${brand}`);
    case "driver":
    case undefined:
      return `the driver is ${driver}`;
  }
}

function listGpus(gpus: readonly Gpu[], describe: (gpu: Gpu) => string): string {
  return escapeControls(gpus.map((gpu) => `GPU ${gpu.index} is ${gpu.model}, ${describe(gpu)}`).join("; "));
}

/** Whether forward compatibility would help where a newer driver is asked for. */
function compatHint(term: Term | undefined, { compat, gpus, isImageSeen }: Meeting): string {
  if ((term?.property !== "cuda" && term?.property !== "driver") || !asksForNewer(term)) return "";
  if (compat !== undefined) return `; ${escapeControls(compat.reason)}`;
  if (gpus.some(({ brand }) => hasForwardCompatibility(brand) === false)) {
    return "; forward compatibility would not help: it does not work on this GPU";
  }
  if (!isImageSeen) return "; forward compatibility might do: whether the image has CUDA libraries for it is not known";
  return "; forward compatibility might do: the image has no cuda-compat package";
}

function asksForNewer({ operator }: Term): boolean {
  return operator === ">=" || operator === ">" || operator === "=";
}

function remedyFor(term: Term | undefined): string {
  switch (term?.property) {
    case "cuda":
      return asksForNewer(term) ? `${driverFor(term)}use an image for an older CUDA` : OTHER_IMAGE;
    case "driver":
      return asksForNewer(term)
        ? `install driver ${term.value}${term.operator === "=" ? "" : " or newer"}`
        : OTHER_IMAGE;
    case "arch":
    case "brand":
      return "ask for a GPU that the image is made for";
    case undefined:
      return OTHER_IMAGE;
  }
}

const OTHER_IMAGE = "use an image that is made for this driver";

/** `cuda>12.8` may take a driver more than the smallest for 12.8. */
function driverFor({ value, operator }: Term): string {
  const driver = operator === ">" ? undefined : smallestDriverFor(value);
  return driver === undefined ? "install a newer driver, or " : `install driver ${driver} or newer, or `;
}
