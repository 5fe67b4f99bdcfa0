import { capabilityMinors, MIG_CONFIG_MINOR, MIG_MONITOR_MINOR } from "./mig.ts";
import type { SimDriver, SimGpu, SimProfile } from "./profile.ts";
import type { TreeEntry } from "./tree.ts";

const NVIDIA_MAJOR = 195;
const DRM_MAJOR = 226;
const CONTROL_MINOR = 255;
const MODESET_MINOR = 254;

/** The nodes below /dev, with the modes that the driver gives them (graphics nodes are open to all here). */
export function deviceNodes(profile: SimProfile): readonly TreeEntry[] {
  const { driver, gpus } = profile;
  const console = gpus.some((gpu) => gpu.drm.card === 0) ? [] : [node("/dev/dri/card0", DRM_MAJOR, 0)];
  if (driver === undefined) return console;
  return [
    ...console,
    node("/dev/nvidiactl", NVIDIA_MAJOR, CONTROL_MINOR),
    node("/dev/nvidia-modeset", NVIDIA_MAJOR, MODESET_MINOR),
    node("/dev/nvidia-uvm", driver.uvmMajor, 0),
    node("/dev/nvidia-uvm-tools", driver.uvmMajor, 1),
    ...gpus.flatMap(gpuNodes),
    ...(gpus.some((gpu) => gpu.isMigCapable) ? capabilityNodes(driver, gpus) : []),
  ];
}

function gpuNodes(gpu: SimGpu): readonly TreeEntry[] {
  const card = `card${gpu.drm.card}`;
  const render = `renderD${gpu.drm.render}`;
  const byPath = `/dev/dri/by-path/pci-${gpu.bus}`;
  return [
    node(`/dev/nvidia${gpu.minor}`, NVIDIA_MAJOR, gpu.minor),
    node(`/dev/dri/${card}`, DRM_MAJOR, gpu.drm.card),
    node(`/dev/dri/${render}`, DRM_MAJOR, gpu.drm.render),
    { kind: "link", path: `${byPath}-card`, target: `../${card}` },
    { kind: "link", path: `${byPath}-render`, target: `../${render}` },
  ];
}

function capabilityNodes(driver: SimDriver, gpus: readonly SimGpu[]): readonly TreeEntry[] {
  const instances = gpus.flatMap((gpu) =>
    (gpu.mig ?? []).flatMap((device) => {
      const minors = capabilityMinors(gpu, device);
      return [minors.gpuInstance, minors.computeInstance];
    }),
  );
  const cap = (minor: number, mode: number) => {
    return node(`/dev/nvidia-caps/nvidia-cap${minor}`, driver.capsMajor, minor, mode);
  };
  return [cap(MIG_CONFIG_MINOR, 0o400), cap(MIG_MONITOR_MINOR, 0o444), ...instances.map((minor) => cap(minor, 0o444))];
}

function node(path: string, major: number, minor: number, mode = 0o666): TreeEntry {
  return { kind: "device", path, mode, major, minor };
}
