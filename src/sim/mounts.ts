import { readMountTable } from "../linux/index.ts";

/** Mount points at or below an absolute path without links, as this process sees them. */
export function mountsBelow(path: string): readonly string[] {
  return readMountTable()
    .map(({ point }) => point)
    .filter((point) => point === path || point.startsWith(`${path}/`));
}
