import type { Grant } from "../grant/index.ts";
import type { Host } from "../host/index.ts";
import { controlNodes } from "./control-nodes.ts";
import { driverFiles } from "./driver-files.ts";
import { driverLibraries } from "./driver-libraries.ts";
import type { Edits } from "./edits.ts";
import { gpuNodes } from "./gpu-nodes.ts";
import { visibleDevices } from "./visible-devices.ts";

/** Everything that a grant changes in a container; the same grant on the same host gives the same edits in the same order. */
export function spellOut(grant: Grant, host: Host): Edits {
  const libraries = driverLibraries(grant, host);
  return {
    devices: [...controlNodes(grant, host), ...gpuNodes(grant)],
    mounts: [...libraries.mounts, ...driverFiles(grant, host)],
    links: libraries.links,
    loaderEntries: libraries.loaderEntries,
    env: [visibleDevices(grant)],
  };
}
