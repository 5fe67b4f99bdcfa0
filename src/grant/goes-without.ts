import type { Problem } from "../base/index.ts";
import type { Request } from "../request/index.ts";

/** Refusals that say that a GPU is not here; all others say that something is wrong. */
const NOT_HERE: readonly string[] = ["BERTH-R001", "BERTH-D001"];

/** Whether a refusal only means that a container gets no GPU, as it can do without. */
export function goesWithout({ isOptional }: Request, { code }: Pick<Problem, "code">): boolean {
  return isOptional && NOT_HERE.includes(code);
}
