import type { Grant, GrantedMigDevice } from "../grant/index.ts";
import type { EnvEdit } from "./edits.ts";

/**
 * `NVIDIA_VISIBLE_DEVICES` as it stands inside the container: what was granted, by UUID where it is known and by index otherwise, so that a
 * program or a nested runtime reads the truth; `none` without a device. A MIG device without a known UUID is named by its GPU and instances
 * (`MIG-GPU-…/1/0`), or by the driver's number; the one GPU of WSL and Tegra is `all`.
 */
export function visibleDevices(grant: Grant): EnvEdit {
  const gpus = grant.gpus.map(({ gpu }) => gpu.uuid ?? String(gpu.index));
  const granted = [...gpus, ...grant.migDevices.flatMap(nameOf), ...(grant.unit?.hasNodes === true ? ["all"] : [])];
  const value = granted.length === 0 ? "none" : granted.join(",");
  return { name: "NVIDIA_VISIBLE_DEVICES", value, reason: "says what was granted" };
}

/** Nothing rather than a guess. */
function nameOf({ parent, device }: GrantedMigDevice): readonly string[] {
  if (device.uuid !== undefined) return [device.uuid];
  if (parent.uuid !== undefined) return [`MIG-${parent.uuid}/${device.gpuInstance}/${device.computeInstance}`];
  return device.index === undefined ? [] : [`${parent.index}:${device.index}`];
}
