import type { Grant } from "../grant/index.ts";
import type { Capability, Host } from "../host/index.ts";
import type { DeviceEdit } from "./edits.ts";
import { whyNeeded } from "./needs.ts";

/** Which capability needs which control node; none: all do. Source: libnvidia-container. */
const NEEDED_BY: readonly (readonly [string, readonly Capability[]])[] = [
  ["/dev/nvidiactl", []],
  ["/dev/nvidia-uvm", ["compute"]],
  ["/dev/nvidia-uvm-tools", ["compute"]],
  ["/dev/nvidia-modeset", ["display", "graphics"]],
];

/** The driver's own nodes, which belong to no GPU. One that the host lacks is left out. */
export function controlNodes(grant: Grant, host: Host): DeviceEdit[] {
  return NEEDED_BY.flatMap(([path, capabilities]) => {
    const reason = whyNeeded(grant, capabilities);
    const node = host.controlNodes.find((other) => other.path === path);
    return reason === undefined || node === undefined ? [] : [{ node, reason }];
  });
}
