import { capabilityNode, readNode } from "./device-nodes.ts";
import type { DeviceNode, Host, MigControl } from "./host.ts";
import { parseMigMinors } from "./mig.ts";
import { readRootText, type Scene } from "./scene.ts";

const MINORS = "/proc/driver/nvidia-caps/mig-minors";
const MINORS_BYTES = 2 * 1024 * 1024;

/** The nodes of "config" and "monitor" in the driver's table of MIG minors; only those that exist. */
export function readMigControl(scene: Scene): Host["migControl"] {
  const minors = parseMigMinors(readRootText(scene, MINORS, MINORS_BYTES) ?? "");
  const read = (name: MigControl): DeviceNode | undefined => {
    const minor = minors.get(name);
    return minor === undefined ? undefined : readNode(scene, capabilityNode(scene, minor));
  };
  const [config, monitor] = [read("config"), read("monitor")];
  return { ...(config && { config }), ...(monitor && { monitor }) };
}
