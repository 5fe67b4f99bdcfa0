import { compareVersions } from "../base/index.ts";
import { brandFamily, type SupportedCuda } from "../host/index.ts";
import type { Condition, Operator, Term } from "../request/index.ts";

/** What conditions are held against. */
export interface Facts {
  readonly driver: string | undefined;
  readonly cuda: SupportedCuda | undefined;
  /** One for each GPU that the container gets; of none a condition on GPUs holds. */
  readonly gpus: readonly GpuFacts[];
}

export interface GpuFacts {
  /** Compute capability: "9.0". */
  readonly arch: string | undefined;
  readonly brand: string;
}

/** `unknown`: it depends on something that this host does not say. */
export type Truth = "yes" | "no" | "unknown";

/**
 * Whether a condition holds, for each GPU by itself: one may meet it by one alternative, another by another. An alternative holds when all of its terms do.
 * Versions compare as dotted integers, missing parts count as 0; brands by family. Rule: libnvidia-container, with "unknown" where it gives up.
 */
export function evaluate({ alternatives }: Condition, facts: Facts): Truth {
  if (alternatives.length === 0) return "yes";
  const gpus = facts.gpus.length === 0 ? [undefined] : facts.gpus;
  return every(
    gpus.map((gpu) => some(alternatives.map((terms) => every(terms.map((term) => holds(term, facts, gpu)))))),
  );
}

function every(truths: readonly Truth[]): Truth {
  if (truths.includes("no")) return "no";
  return truths.includes("unknown") ? "unknown" : "yes";
}

function some(truths: readonly Truth[]): Truth {
  if (truths.includes("yes")) return "yes";
  return truths.includes("unknown") ? "unknown" : "no";
}

/** Whether one term holds for one GPU; undefined: the container has none, and what is asked of GPUs holds. */
export function holds({ property, operator, value }: Term, { driver, cuda }: Facts, gpu: GpuFacts | undefined): Truth {
  switch (property) {
    case "cuda":
      return cuda === undefined ? "unknown" : compareCuda(cuda, operator, value);
    case "driver":
      return driver === undefined ? "unknown" : compare(compareVersions(driver, value), operator);
    case "arch":
      if (gpu === undefined) return "yes";
      return gpu.arch === undefined ? "unknown" : compare(compareVersions(gpu.arch, value), operator);
    case "brand":
      return gpu === undefined ? "yes" : compareBrand(gpu.brand, operator, value);
  }
}

/** "unknown" is a brand that images name, too; that a GPU of it is no GeForce is not known. */
function compareBrand(brand: string, operator: Operator, value: string): Truth {
  if (brand === "unknown" && value !== "unknown") return "unknown";
  return compare(brandFamily(brand) === brandFamily(value) ? 0 : 1, operator);
}

/** Of a driver that is newer than any we know only the least that it supports is known. */
function compareCuda({ version, isExact }: SupportedCuda, operator: Operator, value: string): Truth {
  const order = compareVersions(version, value);
  if (isExact) return compare(order, operator);
  // The true version is `version` or above.
  if (operator === ">=" ? order >= 0 : operator === ">" && order > 0) return "yes";
  if (operator === "<=" ? order > 0 : operator === "<" && order >= 0) return "no";
  if (order > 0 && (operator === "=" || operator === "!=")) return operator === "=" ? "no" : "yes";
  return "unknown";
}

function compare(order: number, operator: Operator): Truth {
  return isTrue(order, operator) ? "yes" : "no";
}

function isTrue(order: number, operator: Operator): boolean {
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}
