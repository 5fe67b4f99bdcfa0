import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/index.ts";
import { hostOptions } from "../host/index.ts";

/** Where CUDA is tried: the driver's own root where nodes are in there, as in a driver container, else the host's. */
export function probeRoot({ root, config }: { readonly root: string; readonly config: Config }): string {
  const folder = join(root, hostOptions(config).driverRoot);
  return existsSync(join(folder, "dev/nvidiactl")) ? folder : root;
}
