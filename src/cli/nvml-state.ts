import { tellStates } from "../nvml/index.ts";
import type { World } from "./context.ts";

interface Flags {
  readonly library: string;
  readonly root: string;
  readonly target?: readonly string[];
  readonly traffic?: boolean;
}

/** `berth nvml-state`, which berth starts by itself: asks each GPU what it is doing. As with `learn-nvml`, nothing may be loaded or awaited after it. */
export function tellNvmlState(this: World, { library, root, target = [], traffic = false }: Flags): void {
  tellStates({ root, library, targets: target, hasTraffic: traffic, isLasting: true }, this.print);
}
