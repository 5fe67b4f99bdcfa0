import { VERSION } from "../base/index.ts";
import type { World } from "./context.ts";

/** `berth version`. */
export function printVersion(this: World): void {
  this.print(`berth version ${VERSION}\n`);
}
