import { resolve } from "node:path";
import { simDown } from "../../sim/index.ts";
import type { World } from "../context.ts";

/** `berth sim down DIR`. */
export function takeDown(this: World, _flags: unknown, dir: string): void {
  simDown(resolve(dir));
  this.note(`The simulated host in ${resolve(dir)} is gone\n`);
}
