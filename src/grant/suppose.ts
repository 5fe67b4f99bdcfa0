import { compareVersions } from "../base/index.ts";
import { knownDrivers, type Gpu } from "../host/index.ts";
import { parseCondition, type Request } from "../request/index.ts";
import { evaluate, type Truth } from "./evaluate.ts";

/** Driver, CUDA and GPUs that a host might have. */
export interface Supposed {
  readonly driver: string | undefined;
  /** "12.8" */
  readonly cuda: string;
  /** Of none a condition on GPUs holds. */
  readonly gpus: readonly Gpu[];
}

/** Whether the conditions of an image would hold there. Throws BERTH-R006. */
export function conditionsHold({ conditions }: Request, { driver, cuda, gpus }: Supposed): Truth {
  const facts = {
    driver,
    cuda: { version: cuda, isExact: true },
    gpus: gpus.map(({ computeCapability, brand }) => ({ arch: computeCapability, brand })),
  };
  const truths = conditions.map((condition) => evaluate(parseCondition(condition), facts));
  return truths.includes("no") ? "no" : truths.includes("unknown") ? "unknown" : "yes";
}

/** The oldest known driver, newer than `than`, with which no condition of an image fails; undefined: none would do. Throws BERTH-R006. */
export function smallestDriver(request: Request, gpus: readonly Gpu[], than: string | undefined): string | undefined {
  const newer = knownDrivers().filter(({ driver }) => than === undefined || compareVersions(driver, than) > 0);
  return newer.find(({ driver, cuda }) => conditionsHold(request, { driver, cuda, gpus }) !== "no")?.driver;
}
