import { resolve } from "node:path";
import { simUpgrade } from "../../sim/index.ts";
import type { World } from "../context.ts";

/** `berth sim upgrade DIR --driver VERSION`. */
export function upgrade(this: World, flags: { readonly driver: string }, dir: string): void {
  const profile = simUpgrade(resolve(dir), flags.driver);
  this.note(`The simulated ${profile.name} in ${resolve(dir)} now has driver ${flags.driver}\n`);
}
