import type { Gpu } from "../host/index.ts";
import type { Grant } from "./grant.ts";

/** The GPUs of a grant and those that it has a part of, each once. */
export function gpusOf({ gpus, migDevices }: Pick<Grant, "gpus" | "migDevices">): readonly Gpu[] {
  return [...new Set([...gpus.map(({ gpu }) => gpu), ...migDevices.map(({ parent }) => parent)])];
}
