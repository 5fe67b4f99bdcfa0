import { BerthError, formatProblem } from "../../base/index.ts";
import { readRegistry } from "../../cdi/index.ts";
import type { World } from "../context.ts";
import { specFolders } from "./spec-folders.ts";

interface Flags {
  readonly specDir?: readonly string[];
}

/** `berth cdi list`: the names of all devices, a line each. What is wrong with a file is said, and fails the command: the others are listed all the same. */
export function listDevices(this: World, { specDir = [] }: Flags): void {
  const { devices, problems } = readRegistry(specFolders(this, specDir));
  this.print([...devices.keys()].map((name) => `${name}\n`).join(""));
  for (const problem of problems.slice(0, -1)) this.note(`${formatProblem("berth", problem)}\n`);
  // The last one is printed by whoever prints errors.
  const last = problems.at(-1);
  if (last !== undefined) throw new BerthError(last);
}
