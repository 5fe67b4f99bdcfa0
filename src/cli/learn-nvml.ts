import { answer } from "../nvml/index.ts";
import type { World } from "./context.ts";

interface Flags {
  readonly library: string;
  readonly root: string;
}

/**
 * `berth learn-nvml`, which berth starts by itself: asks the driver's library and prints one line for `askInChild`. It may
 * change its root on the way, so nothing may be loaded or awaited after it.
 */
export function learnNvml(this: World, { library, root }: Flags): void {
  this.print(answer({ root, library }));
}
