import type { Grant } from "../grant/index.ts";
import type { EnvEdit } from "./edits.ts";

/**
 * `NVIDIA_VISIBLE_DEVICES` as it stands inside the container: what was granted, by UUID where it is known and by index otherwise, so that a
 * program or a nested runtime reads the truth; `none` without a device. A MIG device without a known UUID is
 * `i:j`, by the driver's order where it is known; the one GPU of WSL and Tegra is `all`.
 */
export function visibleDevices(grant: Grant): EnvEdit {
  const gpus = grant.gpus.map(({ gpu }) => gpu.uuid ?? String(gpu.index));
  const migDevices = grant.migDevices.map(({ parent, device }) => {
    return device.uuid ?? `${parent.index}:${device.index ?? parent.migDevices.indexOf(device)}`;
  });
  const granted = [...gpus, ...migDevices, ...(grant.unit?.hasNodes === true ? ["all"] : [])];
  const value = granted.length === 0 ? "none" : granted.join(",");
  return { name: "NVIDIA_VISIBLE_DEVICES", value, reason: "says what was granted" };
}
